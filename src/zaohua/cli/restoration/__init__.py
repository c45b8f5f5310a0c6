"""The mechanism that all commands of restoration share: files in, `zaohua.restore`, files out."""
