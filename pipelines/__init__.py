"""The parts that do the work: engine, agents, tools, providers, ingest, ledger."""
