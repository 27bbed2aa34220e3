import CrypTenBase
import CrypTenExpressions
import CrypTenGates
import CrypTenPlanning
import CrypTenRing

/// Places for shares from outside, and runs on them.
extension SessionState {
    func sharePlace(shape: Shape, kind: ElementKind, name: String) throws -> Node {
        let empty = KeptShare(
            name: name,
            kind: kind,
            scale: kind == .real ? configuration.fractionBits : 0,
            words: RingTensor(zeros: shape)
        )
        let place = try restore([empty])[0]
        places.add(try number(of: place))
        return place
    }

    func runOnShares(
        _ nodes: [Node],
        operands: [(node: Node, share: RingTensor)],
        for purpose: [UInt8]
    ) throws -> SharedRun {
        let planned = try plan(nodes.map { ($0, .share) })
        try machine.check(SessionStateMachine.Reads(planned))
        let filled = try put(operands)
        defer {
            // Whatever has become of the run, a share is read once; one that nothing reads is gone, too.
            for number in filled { replace(number, by: nil) }
            places.empty(filled)
            kernels.wipeGivenBack()
            buffers.wipe()
        }
        try places.check(planned.sources.kept)
        let results = try guarded { try run(planned, isSetup: false, for: purpose) }
        let kept = results.map { result -> Node in
            guard case .kept(let node) = result else { preconditionFailure("shares are kept by every party") }
            return node
        }
        let shares = try shares(of: kept.map { ("a result", $0) })
        try release(kept)
        return SharedRun(shares: shares, binding: lastBinding)
    }

    /// Puts shares into places; all of them, or none.
    ///
    /// - Returns: The places' numbers.
    private func put(_ operands: [(node: Node, share: RingTensor)]) throws -> [Int] {
        let numbers = try operands.map { node, share in
            let number = try number(of: node)
            let (_, _, shape) = try keptValue(number)
            guard share.count == shape.count else {
                throw CrypTenError(
                    .shapeMismatch,
                    "a share of \(share.count) words for '\(node.layer ?? "an input")' of shape \(shape)"
                )
            }
            return number
        }
        var copy = places
        for number in numbers { try copy.fill(number) }
        places = copy
        for (number, operand) in zip(numbers, operands) {
            guard let share = replace(number, by: operand.share) else { continue }
            let name = operand.node.layer ?? "a share"
            checker?.restore(
                number,
                party: party,
                KeptShare(
                    name: name,
                    kind: operand.node.kind,
                    scale: share.scale,
                    range: share.range,
                    words: share.words
                )
            )
        }
        return numbers
    }

    /// Puts a share where one is kept, or zeros; what was there is overwritten.
    @discardableResult
    private func replace(_ number: Int, by share: RingTensor?) -> (scale: Int, range: ValueRange?, words: RingTensor)? {
        guard let known = kept[number]?.known, let shape = kept[number]?.shape else { return nil }
        forget(kept: number)
        let share = share.map { $0.reshaped(to: shape) } ?? RingTensor(zeros: shape)
        kept[number] = (.share(share), known, shape)
        return (known.scale, known.range, share)
    }
}
