internal import CrypTenBase
internal import CrypTenRing

/// Einstein's summation: `einsum("bij,bjk->bik", a, b)`.
///
/// Letters name axes; those that the result doesn't name are summed over, a letter that stands twice in one operand is its
/// diagonal, and `...` stands for leading axes that broadcast. Without an arrow the result has the letters that stand once,
/// in alphabetical order. Operands are combined from the left, each pair as one product of matrices: 1 round for each
/// operand but the first.
public func einsum(
    _ equation: String,
    _ operands: CrypTensor...,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    einsum(equation, operands, file: file, line: line)
}

/// Einstein's summation over a list of operands.
public func einsum(
    _ equation: String,
    _ operands: [CrypTensor],
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    CrypTensor.composing(operands, file: file, line: line) { origin in
        let parsed = try EinsumEquation(equation, operands.map(\.shape))
        let numbers = operands.map { $0.number(at: origin) }
        var pending = zip(numbers, parsed.operands).map { LabelledTensor($0, $1, at: origin) }
        var result = pending.removeFirst()
        while !pending.isEmpty {
            let next = pending.removeFirst()
            let needed = Set(parsed.output).union(pending.flatMap(\.labels))
            result = try result.combined(with: next, keeping: needed, at: origin)
        }
        return result.arranged(parsed.output, at: origin)
    }
}

/// The letters of an equation's operands and of its result; axes under an ellipsis have names of their own.
struct EinsumEquation {
    /// One name for each axis of each operand.
    private(set) var operands: [[String]] = []
    private(set) var output: [String] = []

    init(_ equation: String, _ shapes: [Shape]) throws {
        func wrong(_ why: String) -> CrypTenError {
            let list = shapes.map(\.description).joined(separator: " and ")
            return CrypTenError(.invalidArgument, "einsum can't apply '\(equation)' to shapes \(list): \(why)")
        }
        let text = equation.filter { $0 != " " }
        let sides = text.components(splitBy: "->")
        guard sides.count <= 2 else { throw wrong("it has more than one arrow") }
        let terms = sides[0].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard terms.count == shapes.count, !shapes.isEmpty else {
            throw wrong("it names \(terms.count) operands, and \(shapes.count) are given")
        }
        var extents: [String: Int] = [:]
        var longest = 0
        func labels(_ term: String, ellipsis: Int) throws -> [String] {
            let parts = term.components(splitBy: "...")
            guard parts.count <= 2, parts.joined().allSatisfy({ $0.isASCII && $0.isLetter }) else {
                throw wrong("'\(term)' isn't made of letters and one ellipsis")
            }
            let hidden = parts.count == 2 ? (0..<ellipsis).map { "...\(ellipsis - $0)" } : []
            return parts[0].map(String.init) + hidden + (parts.count == 2 ? parts[1].map(String.init) : [])
        }
        for (term, shape) in zip(terms, shapes) {
            let letters = term.count - (term.contains(".") ? 3 : 0)
            let hidden = shape.rank - letters
            guard hidden >= 0, term.contains(".") || hidden == 0 else {
                throw wrong("'\(term)' doesn't name the \(shape.rank) axes of shape \(shape)")
            }
            longest = max(longest, hidden)
            let names = try labels(term, ellipsis: hidden)
            for (name, extent) in zip(names, shape.dimensions) {
                if let known = extents[name], known != extent, known != 1, extent != 1 {
                    throw wrong("axis '\(name)' has extents \(known) and \(extent)")
                }
                extents[name] = max(extents[name] ?? extent, extent == 1 ? extents[name] ?? 1 : extent)
            }
            operands.append(names)
        }
        if sides.count == 2 {
            output = try labels(sides[1], ellipsis: longest)
        } else {
            let all = operands.flatMap(\.self)
            let hidden = (0..<longest).map { "...\(longest - $0)" }
            output = hidden + Set(all).filter { name in !name.hasPrefix(".") && all.count { $0 == name } == 1 }.sorted()
        }
        guard Set(output).count == output.count, output.allSatisfy({ extents[$0] != nil }) else {
            throw wrong("the result names an axis twice, or one that no operand has")
        }
    }
}

/// A tensor whose axes have names.
private struct LabelledTensor {
    var tensor: CrypTensor
    var labels: [String]

    /// An operand; names that stand twice become one axis, the diagonal.
    init(_ tensor: CrypTensor, _ labels: [String], at origin: SourceOrigin) {
        (self.tensor, self.labels) = (tensor, labels)
        while let (first, second) = LabelledTensor.pair(self.labels) {
            let name = self.labels[first]
            self.tensor = self.tensor.diagonal(axis1: first, axis2: second)
            self.labels =
                self.labels.filter { $0 != name } + [name]
                + self.labels.filter { $0 == name }.dropFirst(2)
        }
    }

    private static func pair(_ labels: [String]) -> (Int, Int)? {
        for (first, name) in labels.enumerated() {
            if let second = labels[(first + 1)...].firstIndex(of: name) { return (first, second) }
        }
        return nil
    }

    private func extent(_ label: String) -> Int? {
        labels.firstIndex(of: label).map { tensor.shape[$0] }
    }

    /// Without the axes that aren't needed, which are summed over.
    private func summed(keeping needed: Set<String>, at origin: SourceOrigin) -> LabelledTensor {
        let gone = labels.indices.filter { !needed.contains(labels[$0]) }
        if gone.isEmpty { return self }
        var result = self
        result.tensor = tensor.applying(.sum(axes: gone), at: origin)
        result.labels = labels.filter(needed.contains)
        return result
    }

    /// The axes in an order, new ones of extent 1, as the given extents.
    private func matrix(_ groups: [[String]], at origin: SourceOrigin) -> CrypTensor {
        let order = groups.flatMap(\.self).compactMap { labels.firstIndex(of: $0) }
        let extents = groups.map { $0.reduce(1) { $0 * (extent($1) ?? 1) } }
        return tensor.permuted(positions: order, at: origin).reshaped(Shape(extents), at: origin)
    }

    /// Repeated along shared axes in which it has extent 1.
    private func spread(_ other: LabelledTensor, at origin: SourceOrigin) throws -> LabelledTensor {
        let target = zip(labels, tensor.shape.dimensions).map { name, own in own == 1 ? other.extent(name) ?? 1 : own }
        var result = self
        result.tensor = tensor.broadcasted(to: try tensor.checkedShape(target, in: "einsum"), at: origin)
        return result
    }

    /// The sum of products over the axes that both have and nobody needs any more, as one product of matrices.
    func combined(
        with other: LabelledTensor,
        keeping needed: Set<String>,
        at origin: SourceOrigin
    ) throws -> LabelledTensor {
        let a = try summed(keeping: needed.union(other.labels), at: origin).spread(other, at: origin)
        let b = try other.summed(keeping: needed.union(labels), at: origin).spread(a, at: origin)
        let shared = a.labels.filter(b.labels.contains)
        let batch = shared.filter(needed.contains)
        let inner = shared.filter { !needed.contains($0) }
        let rows = a.labels.filter { !shared.contains($0) }
        let columns = b.labels.filter { !shared.contains($0) }
        let left = a.matrix([batch, rows, inner], at: origin)
        let right = b.matrix([batch, inner, columns], at: origin)
        let product = left.applying(.bilinear(.matmul(transposeLeft: false, transposeRight: false)), right, at: origin)
        if let error = product.error { throw error }
        let names = batch + rows + columns
        let extents = names.map { a.extent($0) ?? b.extent($0) ?? 1 }
        return LabelledTensor(product.reshaped(Shape(extents), at: origin), names, at: origin)
    }

    /// The result: what isn't named is summed over, the rest is put in order.
    func arranged(_ output: [String], at origin: SourceOrigin) -> CrypTensor {
        let kept = summed(keeping: Set(output), at: origin)
        return kept.tensor.permuted(positions: output.compactMap { kept.labels.firstIndex(of: $0) }, at: origin)
    }
}

extension String {
    /// The parts between occurrences of a separator, of which none is lost.
    fileprivate func components(splitBy separator: String) -> [String] {
        var (parts, rest) = ([String](), self[...])
        while let range = rest.firstRange(of: separator) {
            parts.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return parts + [String(rest)]
    }
}

extension CrypTensor {
    /// The product of matrices one by one: `[b, m, k]` by `[b, k, n]` is `[b, m, n]`.
    ///
    /// 1 round.
    public func bmm(_ other: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self, other], file: file, line: line) { _ in
            guard rank == 3, other.rank == 3, shape[0] == other.shape[0] else {
                throw CrypTenError(
                    .shapeMismatch,
                    "bmm can't combine shapes \(shape) and \(other.shape): it takes [b, m, k] and [b, k, n]"
                )
            }
            return matmul(other, file: file, line: line)
        }
    }
}

/// The product of matrices one by one.
///
/// 1 round.
public func bmm(_ x: CrypTensor, _ y: CrypTensor, file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
    x.bmm(y, file: file, line: line)
}
