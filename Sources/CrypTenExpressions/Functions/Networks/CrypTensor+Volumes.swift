internal import CrypTenBase
internal import CrypTenRing

/// Convolutions of volumes `[N, C, D, H, W]` and their transposes, made of two-dimensional ones: 1 round, which masks their
/// operands.
///
/// The windows along the depth become channels, so that a volume's convolution is that of `N · D'` images of `C · KD` channels:
/// one product, and one truncation of reals. Results are right within 2^(62 − 2·fractionBits), 2³⁰ with 16, biases included.
extension CrypTensor {
    /// The convolution of volumes `[N, C, D, H, W]` by kernels `[O, C / groups, KD, KH, KW]`, plus a bias `[O]`.
    ///
    /// - Parameters:
    ///   - stride: Steps between windows.
    ///   - padding: Zeros before each axis; and after it, unless `paddingAfter` says otherwise.
    ///   - dilation: Steps between a window's elements.
    ///   - groups: The channels are split into this many groups that don't mix.
    public func conv3d(
        _ weight: CrypTensor,
        bias: CrypTensor? = nil,
        stride: IntOrTriple = 1,
        padding: IntOrTriple = 0,
        paddingAfter: IntOrTriple? = nil,
        dilation: IntOrTriple = 1,
        groups: Int = 1,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, weight] + (bias.map { [$0] } ?? []), file: file, line: line) { origin in
            let after = paddingAfter ?? padding
            guard rank == 5, weight.rank == 5,
                let windows = PoolingWindows(
                    input: shape[2],
                    kernel: weight.shape[2],
                    stride: stride.depth,
                    before: padding.depth,
                    after: after.depth,
                    dilation: dilation.depth,
                    ceilMode: false
                )
            else {
                throw CrypTenError(
                    .shapeMismatch,
                    "conv3d can't combine shapes \(shape) and \(weight.shape): it takes [N, C, D, H, W] and "
                        + "[O, C / groups, KD, KH, KW], steps from 1 on, padding from 0 on, and one window must fit"
                )
            }
            let (outputs, taps) = (windows.output, weight.shape[2])
            // [N, C, KD, D', H, W] to [N · D', C · KD, H, W].
            let spread = try depthWindows(windows, at: origin)
            let images = spread.permuted(positions: [0, 3, 1, 2, 4, 5], at: origin)
                .reshaped([shape[0] * outputs, shape[1] * taps, shape[3], shape[4]], at: origin)
            let kernels = weight.reshaped(
                [weight.shape[0], weight.shape[1] * taps, weight.shape[3], weight.shape[4]],
                at: origin
            )
            let result = images.conv2d(
                kernels,
                bias: bias,
                stride: IntOrPair(stride.rows, stride.columns),
                padding: Padding(top: padding.rows, left: padding.columns, bottom: after.rows, right: after.columns),
                dilation: IntOrPair(dilation.rows, dilation.columns),
                groups: groups,
                file: file,
                line: line
            )
            if result.error != nil { return result }
            return result.reshaped(
                [shape[0], outputs, result.shape[1], result.shape[2], result.shape[3]],
                at: origin
            ).permuted(positions: [0, 2, 1, 3, 4], at: origin)
        }
    }

    /// The transposed convolution of signals `[N, O, L]` by kernels `[O, C / groups, K]`, plus a bias `[C]`; see
    /// `convTransposed2d`.
    public func convTransposed1d(
        _ weight: CrypTensor,
        bias: CrypTensor? = nil,
        stride: Int = 1,
        padding: Int = 0,
        paddingAfter: Int? = nil,
        outputPadding: Int = 0,
        dilation: Int = 1,
        groups: Int = 1,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, weight] + (bias.map { [$0] } ?? []), file: file, line: line) { origin in
            guard rank == 3, weight.rank == 3 else {
                throw CrypTenError(
                    .shapeMismatch,
                    "convTransposed1d can't combine shapes \(shape) and \(weight.shape): it takes [N, O, L] and [O, C / groups, K]"
                )
            }
            let image = reshaped([shape[0], shape[1], 1, shape[2]], at: origin).convTransposed2d(
                weight.reshaped([weight.shape[0], weight.shape[1], 1, weight.shape[2]], at: origin),
                bias: bias,
                stride: IntOrPair(1, stride),
                padding: Padding(top: 0, left: padding, bottom: 0, right: paddingAfter ?? padding),
                outputPadding: IntOrPair(0, outputPadding),
                dilation: IntOrPair(1, dilation),
                groups: groups,
                file: file,
                line: line
            )
            return image.error == nil
                ? image.reshaped([image.shape[0], image.shape[1], image.shape[3]], at: origin) : image
        }
    }

    /// The transposed convolution of volumes `[N, O, D, H, W]` by kernels `[O, C / groups, KD, KH, KW]`, plus a bias `[C]`; see
    /// `convTransposed2d`.
    public func convTransposed3d(
        _ weight: CrypTensor,
        bias: CrypTensor? = nil,
        stride: IntOrTriple = 1,
        padding: IntOrTriple = 0,
        paddingAfter: IntOrTriple? = nil,
        outputPadding: IntOrTriple = 0,
        dilation: IntOrTriple = 1,
        groups: Int = 1,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, weight] + (bias.map { [$0] } ?? []), file: file, line: line) { origin in
            let after = paddingAfter ?? padding
            let plausible = 0...1 << 20
            guard rank == 5, weight.rank == 5, (1...1 << 20).contains(stride.depth),
                (1...1 << 20).contains(dilation.depth), plausible.contains(padding.depth),
                plausible.contains(after.depth),
                0..<stride.depth ~= outputPadding.depth, shape[2] > 0, weight.shape[2] > 0
            else {
                throw CrypTenError(
                    .shapeMismatch,
                    "convTransposed3d can't combine shapes \(shape) and \(weight.shape): it takes [N, O, D, H, W] and "
                        + "[O, C / groups, KD, KH, KW], steps from 1 on, padding from 0 on, and output padding below the stride"
                )
            }
            let (inputs, taps, perGroup) = (shape[2], weight.shape[2], weight.shape[1])
            let length =
                (inputs - 1) * stride.depth + dilation.depth * (taps - 1) + 1 + outputPadding.depth - padding.depth
                - after.depth
            guard length > 0, groups > 0, inputs <= 1 << 22, taps <= (1 << 22) / inputs else {
                throw CrypTenError(
                    .shapeMismatch,
                    "convTransposed3d of shape \(shape) leaves nothing of its depth, or has more than 2^22 taps"
                )
            }
            let images = permuted(positions: [0, 2, 1, 3, 4], at: origin)
                .reshaped([shape[0] * inputs, shape[1], shape[3], shape[4]], at: origin)
            let kernels = weight.reshaped(
                [weight.shape[0], perGroup * taps, weight.shape[3], weight.shape[4]],
                at: origin
            )
            let parts = images.convTransposed2d(
                kernels,
                stride: IntOrPair(stride.rows, stride.columns),
                padding: Padding(top: padding.rows, left: padding.columns, bottom: after.rows, right: after.columns),
                outputPadding: IntOrPair(outputPadding.rows, outputPadding.columns),
                dilation: IntOrPair(dilation.rows, dilation.columns),
                groups: groups,
                file: file,
                line: line
            )
            if parts.error != nil { return parts }
            // Every input's slice and tap falls on one slice of the result, or outside of it.
            let (height, width, channels) = (parts.shape[2], parts.shape[3], perGroup * groups)
            let slices = parts.reshaped([shape[0], inputs, channels, taps, height, width], at: origin)
                .permuted(positions: [1, 3, 0, 2, 4, 5], at: origin)
                .reshaped([inputs * taps, shape[0], channels, height, width], at: origin)
            let places = (0..<inputs).flatMap { d in
                (0..<taps).map { d * stride.depth + $0 * dilation.depth - padding.depth }
            }
            let inside = places.indices.filter { (0..<length).contains(places[$0]) }
            let whole = try checkedShape([length, shape[0], channels, height, width], in: "convTransposed3d")
            let zeros = parts.filled(with: 0, whole, at: origin)
            let total = zeros.indexAdd(
                inside.map { places[$0] },
                slices.applying(.take(axis: 0, indices: inside), at: origin),
                axis: 0,
                file: file,
                line: line
            ).permuted(positions: [1, 2, 0, 3, 4], at: origin)
            guard let bias else { return total }
            guard bias.shape == [channels] else {
                throw CrypTenError(
                    .shapeMismatch,
                    "convTransposed3d can't add bias \(bias.shape): it takes [\(channels)]"
                )
            }
            return total.adding(bias.reshaped([1, channels, 1, 1, 1], at: origin), at: origin)
        }
    }

    /// The windows along the depth of `[N, C, D, H, W]`: `[N, C, KD, D', H, W]`, zeros outside.
    private func depthWindows(_ windows: PoolingWindows, at origin: SourceOrigin) throws -> CrypTensor {
        let (before, after) = ([0, 0, windows.before, 0, 0], [0, 0, windows.reachBeyondInput, 0, 0])
        let padded =
            before[2] + after[2] == 0
            ? self : number(at: origin).applying(.pad(before: before, after: after), at: origin)
        var extents = shape.dimensions
        extents.replaceSubrange(2...2, with: [windows.kernel, windows.output])
        let spread = try checkedShape(extents, in: "conv3d")
        return padded.applying(.take(axis: 2, indices: windows.positions.map { $0 + windows.before }), at: origin)
            .reshaped(spread, at: origin)
    }
}

/// The convolution of volumes.
///
/// 1 round.
public func conv3d(
    _ x: CrypTensor,
    weight: CrypTensor,
    bias: CrypTensor? = nil,
    stride: IntOrTriple = 1,
    padding: IntOrTriple = 0,
    dilation: IntOrTriple = 1,
    groups: Int = 1,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.conv3d(
        weight,
        bias: bias,
        stride: stride,
        padding: padding,
        dilation: dilation,
        groups: groups,
        file: file,
        line: line
    )
}
