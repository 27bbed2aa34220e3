internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    static let convolutions: [String: OperatorEntry] = [
        "Conv": OperatorEntry([1, 11, 22], convolve)
    ]

    /// Convolutions of signals and images, with groups, dilation and uneven padding.
    private static func convolve(_ operation: Operation) throws -> [Value] {
        let (input, kernel) = (try operation.real(0), try operation.real(1))
        guard kernel.shape.rank == input.shape.rank, input.shape.rank >= 3 else {
            throw operation.mismatch(
                "input \(input.shape) and kernel \(kernel.shape) don't fit: [N, C, …] and [O, C / group, …] are needed"
            )
        }
        let windows = try WindowAttributes(
            operation,
            shape: input.shape,
            kernel: Array(kernel.shape.dimensions.dropFirst(2))
        )
        let groups = try operation.int("group", default: 1)
        guard groups >= 1 else { throw operation.malformed("group \(groups) must be 1 or more") }
        let isSignal = input.shape.rank == 3
        let bias = try operation.optional(2).map { try $0.expression() }
        let image = try input.asImage().expression().conv2d(
            try kernel.asImage().expression(),
            bias: bias,
            stride: IntOrPair(windows.strides[0], windows.strides[1]),
            padding: Padding(
                top: windows.padding[0],
                left: windows.padding[1],
                bottom: windows.padding[2],
                right: windows.padding[3]
            ),
            dilation: IntOrPair(windows.dilations[0], windows.dilations[1]),
            groups: groups
        )
        return [try Value(input.type, try checked(image)).asSignal(isSignal)]
    }
}
