import CrypTenRing

/// What a convolution on the device needs to know: that of an image, which may be one that was made of another by `accumulateInputGradient`.
struct DeviceConvolution {
    var batch, groups: Int
    /// Channels of a group's input and of its output.
    var channels, outputs: Int
    var height, width: Int
    var kernelHeight, kernelWidth: Int
    var outputHeight, outputWidth: Int
    var strideY, strideX: Int
    /// Zeros above and left of the image; what is below and right follows from the output.
    var paddingY, paddingX: Int
    var dilationY, dilationX: Int
    var subtracting: Bool

    var taps: Int { kernelHeight * kernelWidth }
    var plane: Int { height * width }
    var outputPlane: Int { outputHeight * outputWidth }

    /// Whether a window is one pixel and every pixel is one: then patches are the image as it lies.
    var isPointwise: Bool {
        taps == 1 && strideY == 1 && strideX == 1 && paddingY == 0 && paddingX == 0
            && outputHeight == height && outputWidth == width
    }
}

extension DeviceConvolution {
    init(_ e: ConvolutionExtents, _ subtracting: Bool) {
        let geometry = e.geometry
        self.init(
            batch: e.batch,
            groups: geometry.groups,
            channels: e.groupChannels,
            outputs: e.groupOutputs,
            height: e.height,
            width: e.width,
            kernelHeight: e.kernelHeight,
            kernelWidth: e.kernelWidth,
            outputHeight: e.outputHeight,
            outputWidth: e.outputWidth,
            strideY: geometry.strides[0],
            strideX: geometry.strides[1],
            paddingY: geometry.padding[0],
            paddingX: geometry.padding[1],
            dilationY: geometry.dilations[0],
            dilationX: geometry.dilations[1],
            subtracting: subtracting
        )
    }
}

/// `patches` and products: a convolution is a product of the kernel with the patches of the image that its windows see, unless it goes plane by
/// plane, or by taps.
extension DeviceCall {
    /// sum[o, pixel] ±= Σ kernel[o, i] · patches[pixel, i], for each image and group.
    func convolve(
        _ e: DeviceConvolution,
        _ sum: DeviceAddress,
        image: DeviceAddress,
        kernel: DeviceAddress
    ) throws {
        if e.isOfPlanes { return try convolvePlanes(e, sum, image: image, kernel: kernel) }
        if try convolveByResidues(e, sum, image: image, kernel: kernel) { return }
        let inner = e.channels * e.taps
        let product = DeviceProduct(
            rows: e.outputs,
            columns: e.outputPlane,
            inner: inner,
            aRow: inner,
            aInner: 1,
            bInner: 1,
            bColumn: e.groups * inner,
            subtracting: e.subtracting
        )
        let (outputs, channels) = (e.groups * e.outputs, e.groups * e.channels)
        // All groups' patches at once, or, where that is too much, some channels of one group at a time.
        let most = max(1, patchBytes / (8 * e.outputPlane * e.taps))
        let patches =
            e.isPointwise
            ? nil : try room(e.outputPlane * e.taps * (channels <= most ? channels : min(most, e.channels)))
        for index in 0..<e.batch {
            let to = sum.advanced(words: index * outputs * e.outputPlane)
            let from = image.advanced(words: index * channels * e.plane)
            guard let patches else {
                var product = product.times(
                    e.groups,
                    a: e.outputs * inner,
                    b: inner * e.plane,
                    c: e.outputs * e.outputPlane
                )
                (product.bInner, product.bColumn) = (e.plane, 1)
                try accumulate(product, to: to, kernel, from)
                continue
            }
            if channels <= most {
                try makePatches(e, of: from, channels: channels, rows: 0..<e.outputHeight, to: patches)
                let product = product.times(e.groups, a: e.outputs * inner, b: inner, c: e.outputs * e.outputPlane)
                try accumulate(product, to: to, kernel, patches)
                continue
            }
            for group in 0..<e.groups {
                for first in stride(from: 0, to: e.channels, by: most) {
                    let part = min(most, e.channels - first)
                    let source = from.advanced(words: (group * e.channels + first) * e.plane)
                    try makePatches(e, of: source, channels: part, rows: 0..<e.outputHeight, to: patches)
                    var product = product
                    (product.inner, product.bColumn) = (part * e.taps, part * e.taps)
                    let weights = kernel.advanced(words: group * e.outputs * inner + first * e.taps)
                    try accumulate(
                        product,
                        to: to.advanced(words: group * e.outputs * e.outputPlane),
                        weights,
                        patches
                    )
                }
            }
        }
    }

    /// sum[o, i] ±= Σ gradient[o, pixel] · patches[pixel, i], for each group; images and rows of pixels one after the other.
    func accumulateKernelGradient(
        _ e: DeviceConvolution,
        _ sum: DeviceAddress,
        image: DeviceAddress,
        of gradient: DeviceAddress
    ) throws {
        let inner = e.channels * e.taps
        let (outputs, channels) = (e.groups * e.outputs, e.groups * e.channels)
        let rowWords = e.outputWidth * channels * e.taps
        let most = min(e.outputHeight, max(1, patchBytes / (8 * rowWords)))
        let patches = try room(most * rowWords)
        for index in 0..<e.batch {
            let from = image.advanced(words: index * channels * e.plane)
            for first in stride(from: 0, to: e.outputHeight, by: most) {
                let rows = first..<min(e.outputHeight, first + most)
                try makePatches(e, of: from, channels: channels, rows: rows, to: patches)
                let product = DeviceProduct(
                    rows: e.outputs,
                    columns: inner,
                    inner: rows.count * e.outputWidth,
                    aRow: e.outputPlane,
                    aInner: 1,
                    bInner: channels * e.taps,
                    bColumn: 1,
                    subtracting: e.subtracting
                )
                let pixels = gradient.advanced(words: index * outputs * e.outputPlane + first * e.outputWidth)
                try accumulate(
                    product.times(e.groups, a: e.outputs * e.outputPlane, b: inner, c: e.outputs * inner),
                    to: sum,
                    pixels,
                    patches
                )
            }
        }
    }

    /// The gradient with respect to the input is a convolution itself, with stride 1: of the output's gradient, spread by the stride with zeros
    /// in between, with the kernel turned around, whose channels and outputs have changed places.
    ///
    /// Along an axis, pixel p of the input gets kernel[k] · gradient[o] where o · stride − padding + k · dilation = p. With the spread gradient
    /// S[o · stride] = gradient[o] and k' = K − 1 − k that is S[p + k' · dilation − P] for P = (K − 1) · dilation − padding zeros before it.
    func accumulateInputGradient(
        _ sum: DeviceAddress,
        _ e: ConvolutionExtents,
        of gradient: DeviceAddress,
        kernel: DeviceAddress,
        _ subtracting: Bool
    ) throws {
        let geometry = e.geometry
        let taps = e.kernelHeight * e.kernelWidth
        let y = SpreadAxis(geometry, axis: 0, gradient: e.outputHeight, kernel: e.kernelHeight)
        let x = SpreadAxis(geometry, axis: 1, gradient: e.outputWidth, kernel: e.kernelWidth)
        guard y.extent > 0, x.extent > 0 else { return }
        let planes = e.batch * e.outputs
        var spread = gradient
        if y.isSpread || x.isSpread {
            spread = try words(planes * y.extent * x.extent, of: 0)
            let walk = DeviceWalk(
                [planes, y.taken, x.taken],
                to: [y.extent * x.extent, y.stride * x.extent, x.stride],
                from: [e.outputHeight * e.outputWidth, e.outputWidth, 1]
            )
            try copy(
                walk,
                to: spread.advanced(words: y.firstPlace * x.extent + x.firstPlace),
                from: gradient.advanced(words: y.first * e.outputWidth + x.first)
            )
        }
        // [group, channel, output, tap], the taps backwards.
        let turned = try room(e.outputs * e.groupChannels * taps)
        let walk = DeviceWalk(
            [geometry.groups, e.groupChannels, e.groupOutputs, taps],
            to: [e.groupOutputs * e.groupChannels * taps, e.groupOutputs * taps, taps, 1],
            from: [e.groupOutputs * e.groupChannels * taps, taps, e.groupChannels * taps, -1]
        )
        try copy(walk, to: turned, from: kernel.advanced(words: taps - 1))
        let convolution = DeviceConvolution(
            batch: e.batch,
            groups: geometry.groups,
            channels: e.groupOutputs,
            outputs: e.groupChannels,
            height: y.extent,
            width: x.extent,
            kernelHeight: e.kernelHeight,
            kernelWidth: e.kernelWidth,
            outputHeight: e.height,
            outputWidth: e.width,
            strideY: 1,
            strideX: 1,
            paddingY: y.padding,
            paddingX: x.padding,
            dilationY: geometry.dilations[0],
            dilationX: geometry.dilations[1],
            subtracting: subtracting
        )
        try convolve(convolution, sum, image: spread, kernel: turned)
    }

    /// The patches that windows see which belong to some rows of the output: [pixel, channel, tap].
    private func makePatches(
        _ e: DeviceConvolution,
        of image: DeviceAddress,
        channels: Int,
        rows: Range<Int>,
        to: DeviceAddress
    ) throws {
        // The first row of the image that is left: above it lie zeros, or what these windows don't reach.
        let above = max(0, min(e.height, rows.lowerBound * e.strideY - e.paddingY))
        let count = rows.count * e.outputWidth * channels * e.taps
        let arguments = PatchesArguments(
            to: to,
            from: image.advanced(words: above * e.width),
            channelStep: UInt64(e.plane),
            rowStep: UInt64(e.width),
            columnStep: 1,
            count: UInt64(count),
            channels: UInt32(channels),
            height: UInt32(e.height - above),
            width: UInt32(e.width),
            kernelHeight: UInt32(e.kernelHeight),
            kernelWidth: UInt32(e.kernelWidth),
            outHeight: UInt32(rows.count),
            outWidth: UInt32(e.outputWidth),
            strideY: UInt32(e.strideY),
            strideX: UInt32(e.strideX),
            paddingY: UInt32(max(0, e.paddingY - rows.lowerBound * e.strideY)),
            paddingX: UInt32(e.paddingX),
            dilationY: UInt32(e.dilationY),
            dilationX: UInt32(e.dilationX)
        )
        try forEach(count, "patches", arguments)
    }
}

/// Along one axis, how the output's gradient is spread so that a convolution with stride 1 makes the input's of it.
private struct SpreadAxis {
    let stride: Int
    /// Zeros before the spread gradient, and its extent: where it would begin with fewer than none, as much is cut off it.
    let padding, extent: Int
    /// The first element of the gradient that isn't cut off, where it goes, and how many follow with it.
    let first, firstPlace, taken: Int

    init(_ geometry: ConvolutionGeometry, axis: Int, gradient: Int, kernel: Int) {
        stride = geometry.strides[axis]
        let before = (kernel - 1) * geometry.dilations[axis] - geometry.padding[axis]
        let cut = max(0, -before)
        padding = max(0, before)
        extent = max(0, (gradient - 1) * stride + 1 - cut)
        first = (cut + stride - 1) / stride
        firstPlace = first * stride - cut
        taken = max(0, gradient - first)
    }

    /// Whether it differs from the gradient.
    var isSpread: Bool {
        stride != 1 || first != 0
    }
}
