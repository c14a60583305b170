"""The memory between requests: cooldowns and lessons, the account's allowance, conversations."""
