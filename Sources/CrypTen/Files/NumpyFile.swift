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
        let file = NumpyFile(url)
        self = try file.tensor(in: file.contents(of: url))
    }

    /// The tensor in the bytes of a NumPy file; `name` stands for the file in messages.
    public init(numpyFileBytes bytes: Data, name: String = "NumPy file") throws {
        self = try NumpyFile(name: name).tensor(in: bytes)
    }

    /// Writes a NumPy file (`.npy`), format version 1.0, little-endian, C order, in the elements' own type.
    ///
    /// - Throws: `CrypTenError.Code.fileNotReadable` where the file can't be written; `.invalidArgument` above 64 axes.
    public func write(toNumpyFile url: URL) throws {
        try write(toNumpyFile: url, texts: nil)
    }

    /// The same; where there are texts, the numbers are places of them, and the texts are written (`<U…`).
    package func write(toNumpyFile url: URL, texts: [String]?) throws {
        guard shape.rank <= NumpyFile.largestRank else {
            throw CrypTenError(
                .invalidArgument,
                "\(url.relativePath): a NumPy file can't have \(shape.rank) axes; 64 are the most"
            )
        }
        try NumpyFile(url).write(texts.map { try numpyFileBytes(ofTexts: $0) } ?? numpyFileBytes, to: url)
    }
}

/// What a `.npy` file says of its elements, and the messages about a file that says it wrongly.
struct NumpyFile: TensorFileReader {
    /// NumPy's arrays have no more axes than this.
    static let largestRank = 64

    let name: String
}
