"""The models and the threads that compute for them; torch is imported on the threads alone."""
