internal import CrypTenBase
internal import CrypTenExpressions
internal import CrypTenRing

extension OperatorTable {
    /// Largest elements and means of windows.
    static let pooling: [String: OperatorEntry] = [
        "MaxPool": OperatorEntry([1, 8, 10, 11, 12, 22]) { operation in
            guard !operation.isRead(output: 1) else {
                throw operation.unsupported("its second output, the indices, isn't computed here")
            }
            return try pooled(operation) { image, windows, ceilMode in
                image.maxPool2d(
                    windows.kernelPair,
                    stride: windows.stridePair,
                    padding: windows.sides,
                    dilation: windows.dilationPair,
                    ceilMode: ceilMode
                )
            }
        },
        "AveragePool": OperatorEntry([7, 10, 11, 19, 22]) { operation in
            let countsPadding = try operation.flag("count_include_pad", default: false)
            return try pooled(operation) { image, windows, ceilMode in
                image.avgPool2d(
                    windows.kernelPair,
                    stride: windows.stridePair,
                    padding: windows.sides,
                    dilation: windows.dilationPair,
                    ceilMode: ceilMode,
                    countIncludePad: countsPadding
                )
            }
        },
        "GlobalAveragePool": OperatorEntry([1, 22]) { try overall($0) { $0.globalAveragePool() } },
        "GlobalMaxPool": OperatorEntry([1, 22]) { try overall($0) { $0.globalMaxPool() } },
    ]

    private static func pooled(
        _ operation: Operation,
        _ pool: (CrypTensor, WindowAttributes, Bool) -> CrypTensor
    ) throws -> [Value] {
        let input = try operation.real(0)
        let windows = try WindowAttributes(operation, shape: input.shape, kernel: nil)
        let ceilMode = try operation.flag("ceil_mode", default: false)
        let image = pool(try input.asImage().expression(), windows, ceilMode)
        return [try Value(input.type, try checked(image)).asSignal(input.shape.rank == 3)]
    }

    private static func overall(_ operation: Operation, _ pool: (CrypTensor) -> CrypTensor) throws -> [Value] {
        let input = try operation.real(0)
        return [Value(input.type, try checked(pool(try input.expression())))]
    }
}

extension WindowAttributes {
    fileprivate var kernelPair: IntOrPair { IntOrPair(kernel[0], kernel[1]) }
    fileprivate var stridePair: IntOrPair { IntOrPair(strides[0], strides[1]) }
    fileprivate var dilationPair: IntOrPair { IntOrPair(dilations[0], dilations[1]) }
    fileprivate var sides: Padding {
        Padding(top: padding[0], left: padding[1], bottom: padding[2], right: padding[3])
    }
}
