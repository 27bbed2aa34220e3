internal import CrypTenBase
internal import Foundation

/// Reads files of one format, and says what is wrong with them.
protocol TensorFileReader {
    /// The path as the caller gave it.
    var name: String { get }

    init(name: String)
}

extension TensorFileReader {
    /// A reader for a file.
    init(_ url: URL) {
        self.init(name: url.relativePath)
    }

    func malformed(_ what: String) -> CrypTenError {
        CrypTenError(.malformedFile, "\(name): \(what)")
    }

    func notReadable(_ what: String, cause: (any Error)? = nil) -> CrypTenError {
        CrypTenError(.fileNotReadable, "\(name): \(what)", cause: cause)
    }

    /// The file's bytes.
    ///
    /// - Throws: `.fileNotReadable` for what is missing, a folder, or can't be read.
    func contents(of url: URL) throws -> Data {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else {
            throw notReadable("there is no such file")
        }
        guard !isDirectory.boolValue else { throw notReadable("it is a folder, not a file") }
        do {
            return try Data(contentsOf: url, options: .mappedIfSafe)
        } catch {
            throw notReadable("it can't be read", cause: error)
        }
    }

    /// Writes a file whose bytes are known, or leaves what was there.
    ///
    /// - Throws: `.fileNotReadable` where it can't be written.
    func write(_ bytes: Data, to url: URL) throws {
        do {
            try bytes.write(to: url, options: .atomic)
        } catch {
            throw notReadable("it can't be written", cause: error)
        }
    }

    /// Names of tensors that are told apart.
    ///
    /// - Throws: `.malformedFile` naming the first that is there twice.
    func checkDistinct(_ names: [String]) throws {
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            throw malformed("it has two tensors '\(name)'")
        }
    }
}
