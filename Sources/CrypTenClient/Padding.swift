import CrypTenBase

/// Filling an input up to one of few shapes, so that its length tells less.
package enum Padding {
    /// The first of some shapes that holds a tensor, with the tensor's rows.
    ///
    /// - Parameters:
    ///   - shape: The tensor's.
    ///   - shapes: Those that are taken; −1 stands for the rows.
    ///   - input: The input's name.
    /// - Returns: A shape of as many axes.
    /// - Throws: `.shapeMismatch` where none does.
    package static func shape(for shape: [Int], among shapes: [[Int]], input: String) throws -> [Int] {
        let found = shapes.first { candidate in
            candidate.count == shape.count && zip(shape, candidate).dropFirst().allSatisfy { $0 <= $1 }
        }
        guard let found, let rows = shape.first, rows >= 1 else {
            throw CrypTenError(
                .shapeMismatch,
                "input \"\(input)\" of shape \(shape) fits none of the shapes that the model takes, \(shapes), where -1 is the rows"
            )
        }
        return [rows] + found.dropFirst()
    }

    /// The words of a tensor at the beginning of each axis of a larger one, and `pad` at all other places.
    package static func padded(_ words: [UInt64], _ shape: [Int], to larger: [Int], pad: UInt64) -> [UInt64] {
        guard shape != larger else { return words }
        var result = [UInt64](repeating: pad, count: larger.reduce(1, *))
        let length = shape.last ?? 1
        guard length > 0, !words.isEmpty else { return result }
        var index = [Int](repeating: 0, count: max(0, shape.count - 1))
        for start in stride(from: 0, to: words.count, by: length) {
            var target = 0
            for (axis, position) in index.enumerated() { target = target * larger[axis] + position }
            target *= shape.isEmpty ? 1 : larger[larger.count - 1]
            for offset in 0..<length { result[target + offset] = words[start + offset] }
            for axis in index.indices.reversed() {
                index[axis] += 1
                guard index[axis] == shape[axis] else { break }
                index[axis] = 0
            }
        }
        return result
    }
}
