"""What several processes of one account tell each other: facts, and the slots of the minute; over Redis or a file."""
