"""The parts of the sandbox: what Mailchimp's API would answer about a world."""
