import CrypTenBase

#if canImport(Glibc)
private import Glibc
#elseif canImport(Darwin)
private import Darwin
#elseif canImport(Musl)
private import Musl
#endif

/// A library that is looked for when somebody asks for a device, and never unloaded: nothing is linked.
struct DynamicLibrary {
    private let file: String
    private let handle: UnsafeMutableRawPointer
    /// What to do where a function is missing.
    private let remedy: String

    /// Opens a library.
    ///
    /// - Parameters:
    ///   - file: Its name where it is looked for.
    ///   - remedies: What to do where it isn't there, and where it lacks a function.
    /// - Throws: `.deviceUnavailable` where it isn't there.
    init(_ file: String, remedies: (missing: String, old: String)) throws {
        guard let handle = dlopen(file, RTLD_NOW | RTLD_LOCAL) else {
            throw CrypTenError(.deviceUnavailable, "this machine has no \(file): \(remedies.missing)")
        }
        (self.file, self.handle, remedy) = (file, handle, remedies.old)
    }

    /// A function by its name, as a C function type.
    ///
    /// - Throws: `.deviceUnavailable` where the library is too old to have it.
    func function<Function>(_ name: String, _: Function.Type = Function.self) throws -> Function {
        guard let symbol = dlsym(handle, name) else {
            throw CrypTenError(.deviceUnavailable, "\(file) has no \(name): \(remedy)")
        }
        return unsafeBitCast(symbol, to: Function.self)
    }
}
