import CrypTenRing

/// Convolutions without patches: the product's columns are windows of images, whose channels lie side by side.
extension DeviceCall {
    /// sum[o, pixel] ±= Σ kernel[o, tap, channel] · image[pixel at tap, channel] by residues, for each image and group.
    ///
    /// The residues of an image are [y, x, channel], those of a kernel [output, tap, channel], channels padded with zeros to chunks of 16 bytes:
    /// what a window sees through a tap is whole chunks.
    ///
    /// - Returns: Whether it does that: groups must have 16 channels at least, there must be room, and `residues` must take it.
    func convolveByResidues(
        _ e: DeviceConvolution,
        _ sum: DeviceAddress,
        image: DeviceAddress,
        kernel: DeviceAddress
    ) throws -> Bool {
        let inner = e.channels * e.taps
        let work = e.batch * e.groups * e.outputs * e.outputPlane * inner
        guard e.channels >= 16, residues.takes(multiplyAccumulates: work, inner: inner),
            let blocks = ResidueConvolutionBlocks(e, bytes: residueBytes)
        else { return false }
        try withRoom(bytes: blocks.bytes) { room in
            for group in stride(from: 0, to: e.groups, by: blocks.groups) {
                for channel in stride(from: 0, to: e.channels, by: blocks.channels) {
                    let channels = min(blocks.channels, e.channels - channel)
                    let weights = ResidueMatrix(
                        rows: blocks.groups * e.outputs * e.taps,
                        split: e.taps,
                        outerStep: inner,
                        rowStep: 1,
                        inner: channels,
                        innerStep: e.taps
                    )
                    let from = kernel.advanced(words: group * e.outputs * inner + channel * e.taps)
                    try makeResidues(weights, of: from, to: room)
                    for index in stride(from: 0, to: e.batch, by: blocks.images) {
                        let count = min(blocks.images, e.batch - index)
                        // One group's channels of all images, or all channels of all images.
                        let pixels = ResidueMatrix(
                            rows: count * blocks.groups * e.plane,
                            split: e.plane,
                            outerStep: (blocks.groups == 1 ? e.groups : 1) * e.channels * e.plane,
                            rowStep: 1,
                            inner: channels,
                            innerStep: e.plane
                        )
                        let from = (index * e.groups + group) * e.channels + channel
                        let place = room + weights.bytes
                        try makeResidues(pixels, of: image.advanced(words: from * e.plane), to: place)
                        try multiply(
                            e,
                            blocks,
                            images: count,
                            weights,
                            pixels,
                            at: room,
                            to: sum.advanced(words: (index * e.groups + group) * e.outputs * e.outputPlane)
                        )
                    }
                }
            }
        }
        return true
    }

    /// All windows of some images, in blocks of columns.
    private func multiply(
        _ e: DeviceConvolution,
        _ blocks: ResidueConvolutionBlocks,
        images: Int,
        _ weights: ResidueMatrix,
        _ pixels: ResidueMatrix,
        at room: DeviceAddress,
        to sum: DeviceAddress
    ) throws {
        let all = images * e.outputPlane
        for first in stride(from: 0, to: all, by: blocks.columns) {
            let columns = min(blocks.columns, all - first)
            let chunks = weights.padded / 16
            let arguments = ResidueProductArguments(
                to: room + weights.bytes + pixels.bytes,
                a: room,
                b: room + weights.bytes,
                aPlane: weights.plane,
                bPlane: pixels.plane,
                aBatch: weights.plane / UInt64(blocks.groups),
                bBatch: UInt64(e.plane * pixels.padded),
                batches: UInt32(blocks.groups),
                rows: UInt32(e.outputs),
                columns: UInt32(columns),
                padded: UInt32(Residues.padded(columns)),
                firstPixel: UInt32(first),
                tapChunks: UInt32(chunks),
                imageChunks: UInt32(blocks.groups * e.plane * chunks),
                height: UInt32(e.height),
                width: UInt32(e.width),
                kernelHeight: UInt32(e.kernelHeight),
                kernelWidth: UInt32(e.kernelWidth),
                outPlane: UInt32(e.outputPlane),
                outWidth: UInt32(e.outputWidth),
                strideY: UInt32(e.strideY),
                strideX: UInt32(e.strideX),
                paddingY: UInt32(e.paddingY),
                paddingX: UInt32(e.paddingX),
                dilationY: UInt32(e.dilationY),
                dilationX: UInt32(e.dilationX)
            )
            try accumulate(
                arguments,
                to: sum,
                batchStep: e.outputs * e.outputPlane,
                rowStep: e.outputPlane,
                imageStep: e.groups * e.outputs * e.outputPlane,
                subtracting: e.subtracting
            )
        }
    }
}

/// How a convolution is cut, so that the residues of kernels, images and results fit into a number of bytes.
struct ResidueConvolutionBlocks {
    /// All groups or one; channels of a group, in whole chunks unless all.
    let groups, channels: Int
    let images, columns: Int
    let bytes: Int

    /// Nothing where there is no room for 16 channels of one image, or 16 channels' products are more than a sum may have.
    init?(_ e: DeviceConvolution, bytes most: Int) {
        // Of one modulus; the kernels count in 32 bits. A fourth is the results'.
        let most = min(most / Residues.count, 1 << 31)
        let factors = most / 4 * 3
        func sizes(groups: Int, channels: Int) -> (kernel: Int, image: Int) {
            let padded = groups * Residues.padded(channels)
            return (padded * e.outputs * e.taps, padded * e.plane)
        }
        var channels = e.channels
        if channels * e.taps > Residues.inner { channels = Residues.inner / e.taps / 16 * 16 }
        guard channels > 0 else { return nil }
        var groups = min(e.groups, Residues.batches) == e.groups ? e.groups : 1
        var (kernel, image) = sizes(groups: groups, channels: channels)
        if kernel + image > factors {
            groups = 1
            (kernel, image) = sizes(groups: 1, channels: channels)
        }
        if kernel + image > factors {
            channels = factors / (e.outputs * e.taps + e.plane) / 16 * 16
            guard channels > 0 else { return nil }
            (kernel, image) = sizes(groups: 1, channels: channels)
        }
        let images = min(e.batch, (factors - kernel) / image)
        let left = (most - kernel - images * image) / (groups * e.outputs)
        let pixels = images * e.outputPlane
        let columns = Residues.padded(pixels) <= left ? pixels : left >= 128 ? left / 128 * 128 : left / 16 * 16
        guard columns > 0 else { return nil }
        (self.groups, self.channels, self.images, self.columns) = (groups, channels, images, columns)
        bytes = Residues.count * (kernel + images * image + groups * e.outputs * Residues.padded(columns))
    }
}
