import CrypTenBase
import CrypTenRing

/// What both products reach.
extension DeviceBenchmark {
    private static let ways: [(name: String, use: ResidueUse)] = [("word by word", .never), ("by residues", .always)]

    func measureProducts() throws {
        for (name, use) in Self.ways {
            var best: Double?
            for extent in extent == .short ? [256] : [512, 1024, 2048, 4096, 8192] {
                let shape: Shape = [extent, extent]
                let product = BilinearOperation.matmul(transposeLeft: false, transposeRight: false)
                let rate = try measure("a product of \(extent)³ \(name)", product, shape, shape, use, last: best)
                best = [best, rate].compactMap { $0 }.max()
            }
        }
    }

    /// Of ResNet-50's layers, with one image, each once: rows of the image, its channels, the kernel's, its rows, the stride.
    private static let layers: [(extent: Int, channels: Int, outputs: Int, kernel: Int, stride: Int)] = [
        (224, 3, 64, 7, 2), (56, 64, 64, 1, 1), (56, 64, 64, 3, 1), (56, 64, 256, 1, 1), (56, 256, 64, 1, 1),
        (56, 256, 128, 1, 1), (56, 128, 128, 3, 2), (56, 256, 512, 1, 2), (28, 128, 512, 1, 1), (28, 512, 128, 1, 1),
        (28, 128, 128, 3, 1), (28, 512, 256, 1, 1), (28, 256, 256, 3, 2), (28, 512, 1024, 1, 2),
        (14, 256, 1024, 1, 1), (14, 1024, 256, 1, 1), (14, 256, 256, 3, 1), (14, 1024, 512, 1, 1),
        (14, 512, 512, 3, 2), (14, 1024, 2048, 1, 2), (7, 512, 2048, 1, 1), (7, 2048, 512, 1, 1), (7, 512, 512, 3, 1),
    ]

    func measureConvolutions() throws {
        for (name, use) in Self.ways {
            var last: Double?
            for layer in extent == .short ? Self.layers[1..<2] : Self.layers[...] {
                let padding = [Int](repeating: layer.kernel / 2, count: 4)
                let geometry = ConvolutionGeometry(strides: [layer.stride, layer.stride], padding: padding)
                let steps = layer.stride == 1 ? "" : " by steps of \(layer.stride)"
                let text =
                    "\(layer.kernel) × \(layer.kernel)\(steps), \(layer.channels) channels of \(layer.extent)² to "
                    + "\(layer.outputs), \(name)"
                let rate = try measure(
                    text,
                    .convolution(geometry),
                    [1, layer.channels, layer.extent, layer.extent],
                    [layer.outputs, layer.channels, layer.kernel, layer.kernel],
                    use,
                    last: last
                )
                last = rate ?? last
            }
        }
    }

    /// Measures multiplications a second; one that takes too long isn't begun, by the rate that products like it had last.
    private func measure(
        _ name: String,
        _ operation: BilinearOperation,
        _ left: Shape,
        _ right: Shape,
        _ use: ResidueUse,
        last: Double?
    ) throws -> Double? {
        let work = Double(operation.multiplyAccumulates(left, right))
        if let last, work / last > longest {
            let note = "left out: it would take some \(Int((work / last).rounded(.up))) s"
            ended(Row(name: name, figure: nil, unit: "GMAC/s", note: note))
            return nil
        }
        let roof = use == .never ? estimates?.ringProducts : estimates?.residueProducts
        return try rate(name, "GMAC/s", estimate: roof) {
            var settings = DeviceKernels.Settings.everything
            settings.residues = use
            let kernels = DeviceKernels(queue: queue, settings: settings)
            let (a, b) = (operand(kernels, left, 1), operand(kernels, right, 2))
            var sum = operand(kernels, try operation.outputShape(left, right), 3)
            let seconds = try watch.seconds { kernels.accumulate(&sum, operation, a, b, subtracting: false) }
            try kernels.check()
            return work / seconds
        }
    }
}
