internal import CrypTenBase
internal import CrypTenRing

/// Convolutions, as cross-correlations like PyTorch's: 1 round, which masks their operands; none where they are masked.
///
/// Results of reals are right within 2^(62 − 2·fractionBits), 2³⁰ with 16, biases included.
extension CrypTensor {
    /// The convolution of images `[N, C, H, W]` by kernels `[O, C / groups, KH, KW]`, plus a bias `[O]`:
    /// `[N, O, H', W']`.
    ///
    /// - Parameters:
    ///   - stride: Steps between windows.
    ///   - padding: Zeros around the image; the sides may differ.
    ///   - dilation: Steps between a window's elements.
    ///   - groups: The channels are split into this many groups that don't mix.
    public func conv2d(
        _ weight: CrypTensor,
        bias: CrypTensor? = nil,
        stride: IntOrPair = 1,
        padding: Padding = 0,
        dilation: IntOrPair = 1,
        groups: Int = 1,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, weight] + (bias.map { [$0] } ?? []), file: file, line: line) { origin in
            let geometry = ConvolutionGeometry(
                strides: [stride.rows, stride.columns],
                padding: [padding.top, padding.left, padding.bottom, padding.right],
                dilations: [dilation.rows, dilation.columns],
                groups: groups
            )
            return try convolved(weight, bias: bias, geometry, name: "conv2d", at: origin)
        }
    }

    /// The convolution of signals `[N, C, L]` by kernels `[O, C / groups, K]`, plus a bias `[O]`: `[N, O, L']`.
    ///
    /// - Parameters:
    ///   - stride: Steps between windows.
    ///   - padding: Zeros before and after the signal.
    ///   - paddingAfter: Zeros after the signal, where they differ from those before.
    ///   - dilation: Steps between a window's elements.
    ///   - groups: The channels are split into this many groups that don't mix.
    public func conv1d(
        _ weight: CrypTensor,
        bias: CrypTensor? = nil,
        stride: Int = 1,
        padding: Int = 0,
        paddingAfter: Int? = nil,
        dilation: Int = 1,
        groups: Int = 1,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, weight] + (bias.map { [$0] } ?? []), file: file, line: line) { origin in
            guard rank == 3, weight.rank == 3 else {
                throw CrypTenError(
                    .shapeMismatch,
                    "conv1d can't combine shapes \(shape) and \(weight.shape): it takes [N, C, L] and [O, C / groups, K]"
                )
            }
            let geometry = ConvolutionGeometry(
                strides: [1, stride],
                padding: [0, padding, 0, paddingAfter ?? padding],
                dilations: [1, dilation],
                groups: groups
            )
            let image = reshaped([shape[0], shape[1], 1, shape[2]], at: origin)
            let kernel = weight.reshaped([weight.shape[0], weight.shape[1], 1, weight.shape[2]], at: origin)
            let result = try image.convolved(kernel, bias: bias, geometry, name: "conv1d", at: origin)
            return result.error == nil
                ? result.reshaped([result.shape[0], result.shape[1], result.shape[3]], at: origin) : result
        }
    }

    /// The transposed convolution of `[N, O, H, W]` by kernels `[O, C / groups, KH, KW]`, plus a bias `[C]`: the
    /// gradient of `conv2d` with respect to its input, which PyTorch calls `conv_transpose2d`.
    ///
    /// - Parameter outputPadding: Rows and columns added at the bottom and on the right of the result, fewer than the
    ///   stride.
    public func convTransposed2d(
        _ weight: CrypTensor,
        bias: CrypTensor? = nil,
        stride: IntOrPair = 1,
        padding: Padding = 0,
        outputPadding: IntOrPair = 0,
        dilation: IntOrPair = 1,
        groups: Int = 1,
        file: StaticString = #fileID,
        line: UInt = #line
    ) -> CrypTensor {
        CrypTensor.composing([self, weight] + (bias.map { [$0] } ?? []), file: file, line: line) { origin in
            let geometry = ConvolutionGeometry(
                strides: [stride.rows, stride.columns],
                padding: [padding.top, padding.left, padding.bottom, padding.right],
                dilations: [dilation.rows, dilation.columns],
                groups: groups
            )
            guard geometry.isValid, rank == 4, weight.rank == 4, shape[2] > 0, shape[3] > 0,
                0..<stride.rows ~= outputPadding.rows, 0..<stride.columns ~= outputPadding.columns
            else {
                throw CrypTenError(
                    .shapeMismatch,
                    "convTransposed2d can't combine shapes \(shape) and \(weight.shape): it takes [N, O, H, W] and "
                        + "[O, C / groups, KH, KW], steps from 1 on, padding from 0 on, and output padding below the stride"
                )
            }
            func extent(_ axis: Int, extra: Int) -> Int {
                (shape[axis + 2] - 1) * geometry.strides[axis] + geometry.dilations[axis] * (weight.shape[axis + 2] - 1)
                    + 1
                    + extra - geometry.padding[axis] - geometry.padding[axis + 2]
            }
            let operation = BilinearOperation.convolutionInputGradient(
                geometry,
                height: extent(0, extra: outputPadding.rows),
                width: extent(1, extra: outputPadding.columns)
            )
            let result = number(at: origin).applying(.bilinear(operation), weight.number(at: origin), at: origin)
            if result.error != nil { return result }
            return try result.addingChannels(bias, name: "convTransposed2d", at: origin)
        }
    }

    private func convolved(
        _ weight: CrypTensor,
        bias: CrypTensor?,
        _ geometry: ConvolutionGeometry,
        name: String,
        at origin: SourceOrigin
    ) throws -> CrypTensor {
        guard geometry.isValid else {
            throw CrypTenError(
                .invalidArgument,
                "\(name) can't combine shapes \(shape) and \(weight.shape) with stride \(geometry.strides), padding "
                    + "\(geometry.padding), dilation \(geometry.dilations) and \(geometry.groups) groups: steps and groups are from "
                    + "1 on, padding from 0 on"
            )
        }
        let result = number(at: origin).applying(
            .bilinear(.convolution(geometry)),
            weight.number(at: origin),
            at: origin
        )
        if result.error != nil { return result }
        return try result.addingChannels(bias, name: name, at: origin)
    }

    /// The sum with one number for each channel.
    private func addingChannels(_ bias: CrypTensor?, name: String, at origin: SourceOrigin) throws -> CrypTensor {
        guard let bias else { return self }
        guard bias.shape == [shape[1]] else {
            throw CrypTenError(
                .shapeMismatch,
                "\(name) can't add bias \(bias.shape) to \(shape): it takes [\(shape[1])]"
            )
        }
        return adding(bias.reshaped([1, shape[1], 1, 1], at: origin), at: origin)
    }
}

/// The convolution of images `[N, C, H, W]` by kernels `[O, C / groups, KH, KW]`, plus a bias `[O]`.
///
/// 1 round.
public func conv2d(
    _ x: CrypTensor,
    weight: CrypTensor,
    bias: CrypTensor? = nil,
    stride: IntOrPair = 1,
    padding: Padding = 0,
    dilation: IntOrPair = 1,
    groups: Int = 1,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.conv2d(
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

/// The convolution of signals `[N, C, L]` by kernels `[O, C / groups, K]`, plus a bias `[O]`.
///
/// 1 round.
public func conv1d(
    _ x: CrypTensor,
    weight: CrypTensor,
    bias: CrypTensor? = nil,
    stride: Int = 1,
    padding: Int = 0,
    dilation: Int = 1,
    groups: Int = 1,
    file: StaticString = #fileID,
    line: UInt = #line
) -> CrypTensor {
    x.conv1d(
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
