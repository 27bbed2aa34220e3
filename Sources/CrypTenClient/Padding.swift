import CrypTenBase

/// Filling an input up to one of few shapes, so that its length tells less.
package enum Padding {
    /// The shapes to which the inputs of a model are padded: those at the first place of the model's lists that holds every one of them.
    ///
    /// What stands at one place of several inputs' lists belongs together, as the shapes of a text and of what says where it ends. Where a
    /// model lists one shape there is nothing to choose, and nothing is padded.
    ///
    /// - Parameters:
    ///   - shapes: The inputs', with their rows.
    ///   - lists: The shapes that are taken of each, one number of them for all; −1 stands for the rows.
    ///   - inputs: The inputs' names.
    /// - Returns: A shape of as many axes for each, with its rows.
    /// - Throws: `.shapeMismatch` where no place does.
    package static func shapes(for shapes: [[Int]], among lists: [[[Int]]], inputs: [String]) throws -> [[Int]] {
        let places = try zip(inputs, zip(shapes, lists)).map { input, pair in
            let (shape, list) = pair
            let places = list.indices.filter { holds(list[$0], shape, exactly: list.count == 1) }
            guard let rows = shape.first, rows >= 1, !places.isEmpty else {
                throw CrypTenError(
                    .shapeMismatch,
                    "input \"\(input)\" of shape \(shape) fits none of the shapes that the model takes, \(list), where -1 is the rows"
                )
            }
            return Set(places)
        }
        let common = places.dropFirst().reduce(places.first ?? []) { $0.intersection($1) }
        guard let place = common.min() else {
            throw CrypTenError(
                .shapeMismatch,
                "inputs \(inputs) of shapes \(shapes) are held by none of the model's shapes together, which belong to each other in their "
                    + "order: pad them to one of \(lists)"
            )
        }
        return zip(shapes, lists).map { shape, list in Array(shape.prefix(1) + list[place].dropFirst()) }
    }

    private static func holds(_ candidate: [Int], _ shape: [Int], exactly: Bool) -> Bool {
        candidate.count == shape.count
            && zip(shape, candidate).dropFirst().allSatisfy { exactly ? $0 == $1 : $0 <= $1 }
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
