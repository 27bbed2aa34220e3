internal import CrypTenRing

/// The windows of a convolution on plain numbers, as the columns of matrices.
///
/// For an image, a group and some rows of windows, the matrix has a row for every channel and position in the kernel,
/// and a column for every window.
struct ClearWindows {
    private let geometry: ConvolutionGeometry
    private let images: Int
    private let channels: Int
    private let height: Int
    private let width: Int
    private let kernelHeight: Int
    private let kernelWidth: Int
    private let outputs: Int
    private let outputHeight: Int
    private let outputWidth: Int

    init(_ geometry: ConvolutionGeometry, input: Shape, kernel: Shape, output: Shape) {
        self.geometry = geometry
        (images, height, width) = (input[0], input[2], input[3])
        (channels, kernelHeight, kernelWidth) = (kernel[1], kernel[2], kernel[3])
        (outputs, outputHeight, outputWidth) = (kernel[0] / geometry.groups, output[2], output[3])
    }

    /// Rows of the matrix: channels of a group times positions in the kernel.
    private var rows: Int {
        channels * kernelHeight * kernelWidth
    }

    /// Rows of windows that are treated at a time, so that a matrix stays small.
    private var bandHeight: Int {
        max(1, (1 << 18) / max(1, rows * outputWidth))
    }

    func output<T: ClearNumber>(_ input: [T], _ kernel: [T]) -> [T] {
        var out = [T](repeating: .zero, count: images * geometry.groups * outputs * outputHeight * outputWidth)
        forEachBand { image, group, band in
            let columns = columns(of: input, image, group, band)
            let count = band.count * outputWidth
            var sums = [T](repeating: .zero, count: outputs * count)
            product(kernel, from: group * outputs * rows, columns, into: &sums, outputs, rows, count)
            for channel in 0..<outputs {
                let start = outputPosition(image, group, channel, band)
                out.replaceSubrange(start..<start + count, with: sums[channel * count..<(channel + 1) * count])
            }
        }
        return out
    }

    func inputGradient<T: ClearNumber>(_ gradient: [T], _ kernel: [T]) -> [T] {
        var out = [T](repeating: .zero, count: images * geometry.groups * channels * height * width)
        for group in 0..<geometry.groups {
            let transposed = (0..<rows).flatMap { row in
                (0..<outputs).map { kernel[(group * outputs + $0) * rows + row] }
            }
            forEachBand(groups: group..<group + 1) { image, group, band in
                let count = band.count * outputWidth
                var columns = [T](repeating: .zero, count: rows * count)
                product(
                    transposed,
                    from: 0,
                    self.gradient(gradient, image, group, band),
                    into: &columns,
                    rows,
                    outputs,
                    count
                )
                visit(image, group, band) { column, position in out[position] = T.sum(out[position], columns[column]) }
            }
        }
        return out
    }

    func kernelGradient<T: ClearNumber>(_ input: [T], _ gradient: [T]) -> [T] {
        var out = [T](repeating: .zero, count: geometry.groups * outputs * rows)
        forEachBand { image, group, band in
            let count = band.count * outputWidth
            let columns = columns(of: input, image, group, band)
            let transposed = (0..<count).flatMap { window in (0..<rows).map { columns[$0 * count + window] } }
            var sums = [T](repeating: .zero, count: outputs * rows)
            product(self.gradient(gradient, image, group, band), from: 0, transposed, into: &sums, outputs, count, rows)
            let start = group * outputs * rows
            for (index, value) in sums.enumerated() { out[start + index] = T.sum(out[start + index], value) }
        }
        return out
    }

    // MARK: Parts

    private func forEachBand(
        groups: Range<Int>? = nil,
        _ body: (_ image: Int, _ group: Int, _ band: Range<Int>) -> Void
    ) {
        for image in 0..<images {
            for group in groups ?? 0..<geometry.groups {
                for start in stride(from: 0, to: outputHeight, by: bandHeight) {
                    body(image, group, start..<min(start + bandHeight, outputHeight))
                }
            }
        }
    }

    private func outputPosition(_ image: Int, _ group: Int, _ channel: Int, _ band: Range<Int>) -> Int {
        (((image * geometry.groups + group) * outputs + channel) * outputHeight + band.lowerBound) * outputWidth
    }

    /// A band of the output's gradient: a row for every channel of the group.
    private func gradient<T>(_ gradient: [T], _ image: Int, _ group: Int, _ band: Range<Int>) -> [T] {
        (0..<outputs).flatMap { channel in
            let start = outputPosition(image, group, channel, band)
            return gradient[start..<start + band.count * outputWidth]
        }
    }

    private func columns<T: ClearNumber>(of input: [T], _ image: Int, _ group: Int, _ band: Range<Int>) -> [T] {
        var columns = [T](repeating: .zero, count: rows * band.count * outputWidth)
        columns.withUnsafeMutableBufferPointer { columns in
            input.withUnsafeBufferPointer { input in
                visit(image, group, band) { column, position in columns[column] = input[position] }
            }
        }
        return columns
    }

    /// Calls with each position in the matrix that an element of the input stands at, and that element's position.
    @inline(__always)
    private func visit(_ image: Int, _ group: Int, _ band: Range<Int>, _ body: (_ column: Int, _ position: Int) -> Void)
    {
        let (strideX, dilationX) = (geometry.strides[1], geometry.dilations[1])
        for row in 0..<rows {
            let (channel, place) = row.quotientAndRemainder(dividingBy: kernelHeight * kernelWidth)
            let (ky, kx) = place.quotientAndRemainder(dividingBy: kernelWidth)
            let plane = ((image * geometry.groups + group) * channels + channel) * height
            let shift = kx * dilationX - geometry.padding[1]
            // The windows whose element lies inside: 0 <= ox · strideX + shift < width.
            let low = shift >= 0 ? 0 : (-shift + strideX - 1) / strideX
            let high = shift >= width ? 0 : min(outputWidth, (width - 1 - shift) / strideX + 1)
            if low >= high { continue }
            for oy in band {
                let y = oy * geometry.strides[0] + ky * geometry.dilations[0] - geometry.padding[0]
                if y < 0 || y >= height { continue }
                let column = (row * band.count + oy - band.lowerBound) * outputWidth
                let position = (plane + y) * width + shift
                for ox in low..<high { body(column + ox, position + ox * strideX) }
            }
        }
    }

    private func product<T: ClearNumber>(
        _ a: [T],
        from start: Int,
        _ b: [T],
        into c: inout [T],
        _ m: Int,
        _ k: Int,
        _ n: Int
    ) {
        c.withUnsafeMutableBufferPointer { c in
            a.withUnsafeBufferPointer { a in
                b.withUnsafeBufferPointer { b in
                    accumulateProduct(a, from: start, b, from: 0, into: c, from: 0, m, k, n)
                }
            }
        }
    }
}
