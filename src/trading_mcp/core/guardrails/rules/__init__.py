"""The rules: each looks at one case and objects or stays silent; none counts, emits or fetches."""
