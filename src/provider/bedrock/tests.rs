//! What Bedrock is asked and what is read of its answers.
