// Whoever imports the client sees the errors that it throws.
@_exported public import CrypTenBase
