// What `import CrypTen` gives: tensors, expressions, sessions, and the names that these use.
@_exported public import CrypTenBase
@_exported public import CrypTenDevice
@_exported public import CrypTenExpressions
@_exported public import CrypTenIdentity
@_exported public import CrypTenRing
@_exported public import CrypTenRuntime
