internal import CrypTenBase
internal import CrypTenExpressions
package import CrypTenRing
package import Foundation

/// Texts of one width, as NumPy keeps them: four bytes a character, with zeros after the last.
package struct NumpyTexts: Sendable {
    /// In row-major order.
    package let texts: [String]
    package let shape: Shape

    /// What a file holds where that is text (`<U…`); nil where it is numbers.
    ///
    /// - Throws: as ``Tensor/init(contentsOfNumpyFile:)`` does; `.malformedFile` for what isn't Unicode.
    package init?(contentsOfNumpyFile url: URL) throws {
        let file = NumpyFile(url)
        let bytes = try file.contents(of: url)
        let header = try file.header(of: bytes, allowsTexts: true)
        guard let width = NumpyFile.width(ofTexts: header.type) else { return nil }
        guard !header.fortranOrder || header.shape.rank <= 1 else {
            throw file.malformed("it holds text in Fortran's order; save it in C order")
        }
        let data = bytes.dropFirst(header.dataOffset)
        let (count, overflows) = header.shape.count.multipliedReportingOverflow(by: width)
        guard !overflows, data.count % 4 == 0, data.count / 4 == count else {
            throw file.malformed(
                "shape \(header.shape) of texts of \(width) characters doesn't take its \(data.count) bytes"
            )
        }
        let words: [UInt32] = data.numbers(of: UInt32.self, count: count, bigEndian: header.bigEndian)
        shape = header.shape
        texts = try (0..<shape.count).map { index in
            var text = String.UnicodeScalarView()
            let characters = words[index * width..<(index + 1) * width]
            let end = characters.lastIndex(where: { $0 != 0 }).map { $0 + 1 } ?? characters.startIndex
            for word in characters.prefix(upTo: end) {
                guard let scalar = Unicode.Scalar(word) else {
                    throw file.malformed("it holds text that isn't Unicode")
                }
                text.append(scalar)
            }
            return String(text)
        }
    }
}

extension NumpyFile {
    /// The characters of each text, where a file holds such.
    static func width(ofTexts type: String) -> Int? {
        guard type.hasPrefix("U"), let width = Int(type.dropFirst()), (0...1 << 20).contains(width) else { return nil }
        return width
    }
}
