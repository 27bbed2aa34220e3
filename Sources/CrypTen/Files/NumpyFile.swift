internal import CrypTenBase
public import CrypTenExpressions
internal import CrypTenRing
public import Foundation

extension Tensor {
    /// The tensor in a NumPy file (`.npy`).
    ///
    /// Format versions 1 to 3, C and Fortran order, both byte orders, and the types `f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 b1`.
    /// The elements become `.float` (f2, f4), `.double` (f8), `.int32` (up to 16 bits, and i4), `.int64` (u4, i8, u8) or `.bool`.
    ///
    /// - Throws: `CrypTenError.Code.fileNotReadable` where the file can't be read; `.malformedFile` where it is empty,
    ///   truncated, no NumPy file, or holds objects, records, text or complex numbers; `.outOfRange` for a number above
    ///   2^63 − 1. The message names the file.
    public init(contentsOfNumpyFile url: URL) throws {
        let file = NumpyFile(name: url.relativePath)
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory) else {
            throw file.notReadable("there is no such file")
        }
        guard !isDirectory.boolValue else { throw file.notReadable("it is a folder, not a file") }
        let bytes: Data
        do {
            bytes = try Data(contentsOf: url, options: .mappedIfSafe)
        } catch {
            throw file.notReadable("it can't be read", cause: error)
        }
        self = try file.tensor(in: bytes)
    }

    /// The tensor in the bytes of a NumPy file; `name` stands for the file in messages.
    public init(numpyFileBytes bytes: Data, name: String = "NumPy file") throws {
        self = try NumpyFile(name: name).tensor(in: bytes)
    }

    /// Writes a NumPy file (`.npy`), format version 1.0, little-endian, C order, in the elements' own type.
    ///
    /// - Throws: `CrypTenError.Code.fileNotReadable` where the file can't be written; `.invalidArgument` above 64 axes.
    public func write(toNumpyFile url: URL) throws {
        guard shape.rank <= NumpyFile.largestRank else {
            throw CrypTenError(
                .invalidArgument,
                "\(url.relativePath): a NumPy file can't have \(shape.rank) axes; 64 are the most"
            )
        }
        do {
            try numpyFileBytes.write(to: url, options: .atomic)
        } catch {
            throw NumpyFile(name: url.relativePath).notReadable("it can't be written", cause: error)
        }
    }
}

/// What a `.npy` file says of its elements, and the messages about a file that says it wrongly.
struct NumpyFile {
    /// NumPy's arrays have no more axes than this.
    static let largestRank = 64

    /// The path as the caller gave it.
    let name: String

    func malformed(_ what: String) -> CrypTenError {
        CrypTenError(.malformedFile, "\(name): \(what)")
    }

    func notReadable(_ what: String, cause: (any Error)? = nil) -> CrypTenError {
        CrypTenError(.fileNotReadable, "\(name): \(what)", cause: cause)
    }
}
