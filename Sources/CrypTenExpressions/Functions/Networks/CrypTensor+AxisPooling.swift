internal import CrypTenBase
internal import CrypTenRing

/// Pools of volumes `[N, C, D, H, W]`, and to extents that are given.
extension CrypTensor {
    /// The largest of every window of volumes: `[N, C, D', H', W']`, one axis after another; see `maxPool2d`.
    public func maxPool3d(
        _ kernel: IntOrTriple,
        stride: IntOrTriple? = nil,
        padding: IntOrTriple = 0,
        dilation: IntOrTriple = 1,
        ceilMode: Bool = false,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let windows = AxisWindow.ofVolume(kernel, stride ?? kernel, padding, dilation)
            return try maxPooled(windows, ceilMode: ceilMode, name: "maxPool3d", at: origin)
        }
    }

    /// The mean of every window of volumes: `[N, C, D', H', W']`; see `avgPool2d`.
    ///
    /// Local up to the truncation.
    public func avgPool3d(
        _ kernel: IntOrTriple,
        stride: IntOrTriple? = nil,
        padding: IntOrTriple = 0,
        ceilMode: Bool = false,
        countIncludePad: Bool = true,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            let windows = AxisWindow.ofVolume(kernel, stride ?? kernel, padding, 1)
            return try averagePooled(
                windows,
                ceilMode: ceilMode,
                countIncludePad: countIncludePad,
                name: "avgPool3d",
                at: origin
            )
        }
    }

    /// The mean of as many windows as are asked for along each axis after the first two: window i of m over n elements is
    /// `⌊i·n/m⌋ ..< ⌈(i+1)·n/m⌉`.
    ///
    /// Local up to the truncation.
    public func adaptiveAvgPool(_ extents: [Int], file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            var result = real(at: origin)
            for (axis, ranges) in try adaptiveWindows(extents, name: "adaptiveAvgPool") {
                try checkListed([ranges.count, shape[axis]], in: "adaptiveAvgPool")
                let weights = ranges.flatMap { range in
                    (0..<shape[axis]).map { range.contains($0) ? 1 / Double(range.count) : 0 }
                }
                let matrix = CrypTensor(constant: Tensor(weights, shape: [ranges.count, shape[axis]]), at: origin)
                result = try result.mapped(by: matrix, axis: axis, at: origin)
            }
            return result
        }
    }

    /// The largest of as many windows as are asked for along each axis after the first two; see `adaptiveAvgPool`.
    public func adaptiveMaxPool(_ extents: [Int], file: StaticString = #fileID, line: UInt = #line) -> CrypTensor {
        CrypTensor.composing([self], file: file, line: line) { origin in
            var result = number(at: origin)
            for (axis, ranges) in try adaptiveWindows(extents, name: "adaptiveMaxPool") {
                let longest = ranges.map(\.count).max() ?? 1
                let indices = (0..<longest).flatMap { tap in
                    ranges.map { $0.lowerBound + Swift.min(tap, $0.count - 1) }
                }
                var target = result.shape.dimensions
                target.replaceSubrange(axis...axis, with: [longest, ranges.count])
                result = result.applying(.take(axis: axis, indices: indices), at: origin)
                    .reshaped(try checkedShape(target, in: "adaptiveMaxPool"), at: origin)
                    .applying(.maximum(axis: axis), at: origin)
            }
            return result
        }
    }

    /// A public matrix `[m, n]` times this along an axis of extent n, which becomes m.
    private func mapped(by matrix: CrypTensor, axis: Int, at origin: SourceOrigin?) throws -> CrypTensor {
        var order = Array(0..<rank)
        order.remove(at: axis)
        order.append(axis)
        let last = permuted(positions: order, at: origin)
        let rows = last.reshaped([last.count / Swift.max(1, shape[axis]), shape[axis]], at: origin)
        let product = try rows.applying(
            .bilinear(.matmul(transposeLeft: false, transposeRight: true)),
            matrix,
            at: origin
        ).wellFormed()
        let target = try checkedShape(last.shape.dimensions.dropLast() + [matrix.shape[0]], in: "adaptiveAvgPool")
        let back = product.reshaped(target, at: origin)
        var inverse = Array(0..<rank - 1)
        inverse.insert(rank - 1, at: axis)
        return back.permuted(positions: inverse, at: origin)
    }

    private func adaptiveWindows(_ extents: [Int], name: String) throws -> [(axis: Int, ranges: [Range<Int>])] {
        guard extents.count == rank - 2, extents.allSatisfy({ (1...1 << 18).contains($0) }),
            shape.dimensions.dropFirst(2).allSatisfy({ (1...1 << 18).contains($0) })
        else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) can't turn shape \(shape) into \(extents): one extent from 1 on for each axis after the first two"
            )
        }
        return extents.enumerated().map { index, count in
            let input = shape[index + 2]
            return (index + 2, (0..<count).map { ($0 * input) / count..<(($0 + 1) * input + count - 1) / count })
        }
    }
}
