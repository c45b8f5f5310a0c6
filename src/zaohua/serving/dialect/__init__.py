"""The dialect of OpenAI's clients: its routes, its errors, its streams."""
