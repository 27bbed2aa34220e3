import ArgumentParser
import CrypTen
import CrypTenONNX
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
        try check(tensor, below: limit)
        return tensor
    }

    /// Reads the file for an input that may be of texts, or lack numbers.
    func content(below limit: Double) throws -> InputContent {
        let url = URL(fileURLWithPath: path, relativeTo: nil)
        if let texts = try NumpyTexts(contentsOfNumpyFile: url) { return InputContent(texts, path: path) }
        let tensor = try Tensor(contentsOfNumpyFile: url)
        try check(tensor, below: limit, allowsMissing: true)
        return InputContent(tensor, path: path)
    }

    private func check(_ tensor: Tensor, below limit: Double, allowsMissing: Bool = false) throws {
        guard tensor.kind == .real else { return }
        if let index = tensor.doubles.firstIndex(where: { !($0.magnitude < limit) && !(allowsMissing && $0.isNaN) }) {
            let value = tensor.doubles[index]
            throw CrypTenError(
                .outOfRange,
                """
                \(path): the number at index \(tensor.shape.position(of: index)) is \(value); \
                \(value.isFinite ? "magnitudes below \(limit) fit the fixed point, use fewer fraction bits" : "numbers must be finite")
                """
            )
        }
    }
}
