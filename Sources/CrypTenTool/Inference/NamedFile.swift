import ArgumentParser
import CrypTen
import CrypTenRing
import Foundation

/// `NAME=X.npy`, or `X.npy` alone where the name goes without saying.
struct NamedFile: ExpressibleByArgument, Hashable, Sendable {
    var name: String?
    var path: String

    init(name: String?, path: String) {
        self.name = name
        self.path = path
    }

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        // A path may hold "=": then the file as a whole is there, or what stands before it holds a slash and what follows isn't
        // there; a name may hold a slash too.
        let files = FileManager.default
        if parts.count == 2, !files.fileExists(atPath: argument),
            !parts[0].contains("/") || files.fileExists(atPath: parts[1])
        {
            (name, path) = (parts[0], parts[1])
        } else {
            (name, path) = (nil, argument)
        }
        if path.isEmpty || name?.isEmpty == true { return nil }
    }

    /// How it stands on a command line.
    var argument: String {
        name.map { "\($0)=\(path)" } ?? path
    }

    /// Reads the file.
    ///
    /// - Parameter limit: Real numbers must be below it in magnitude.
    /// - Returns: Its numbers in their own type.
    /// - Throws: what is wrong with the file, or the index of the first number that can't be used.
    func tensor(below limit: Double) throws -> Tensor {
        let tensor = try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: path, relativeTo: nil))
        guard tensor.kind == .real else { return tensor }
        if let index = tensor.doubles.firstIndex(where: { !($0.magnitude < limit) }) {
            let value = tensor.doubles[index]
            throw CrypTenError(
                .outOfRange,
                """
                \(path): the number at index \(tensor.shape.position(of: index)) is \(value); \
                \(value.isFinite ? "magnitudes below \(limit) fit the fixed point, use fewer fraction bits" : "numbers must be finite")
                """
            )
        }
        return tensor
    }
}

extension Shape {
    /// The indices along each axis of the element at a place in row-major order, as NumPy writes them.
    func position(of offset: Int) -> String {
        "[" + zip(strides, dimensions).map { String(offset / $0 % Swift.max($1, 1)) }.joined(separator: ", ") + "]"
    }
}
