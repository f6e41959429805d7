//! Call any LLM, from any provider, through one interface.
