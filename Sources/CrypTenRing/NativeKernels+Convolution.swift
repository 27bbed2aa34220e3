internal import CCrypTenKernels

/// Register tiles need rows: with fewer outputs than this in a group, planes are convolved one by one.
private let fewestTileRows = 4

extension NativeKernels {
    func convolve(_ call: ProductCall, _ e: ConvolutionExtents) {
        let kernelSize = e.kernelHeight * e.kernelWidth
        let (plane, outputPlane) = (e.height * e.width, e.outputHeight * e.outputWidth)
        guard e.groupOutputs >= fewestTileRows else {
            var extents = e.plane
            split(e.batch * e.outputs, work: outputPlane * kernelSize * e.groupChannels / 2, unit: 1) { range in
                for index in range {
                    let (image, output) = index.quotientAndRemainder(dividingBy: e.outputs)
                    for channel in 0..<e.groupChannels {
                        let input = image * e.channels + output / e.groupOutputs * e.groupChannels + channel
                        cct_plane_convolve(
                            set,
                            call.sum + index * outputPlane,
                            call.a + input * plane,
                            call.b + (output * e.groupChannels + channel) * kernelSize,
                            &extents,
                            call.subtract
                        )
                    }
                }
            }
            return
        }
        let inner = e.groupChannels * kernelSize
        let tiles = ProductTiles(
            self,
            products: e.batch * e.geometry.groups,
            rows: e.groupOutputs,
            columns: outputPlane,
            inner: inner
        )
        run(tiles) { product, rows, columns, scratch in
            let (image, group) = product.quotientAndRemainder(dividingBy: e.geometry.groups)
            let output = group * e.groupOutputs + rows.lowerBound
            var patches = e.windows(of: call.a + (image * e.channels + group * e.groupChannels) * plane)
            let target = cct_target(
                base: call.sum + (image * e.outputs + output) * outputPlane,
                row_step: outputPlane,
                run: outputPlane,
                run_step: 0,
                column_step: 1
            )
            cct_patches_accumulate(
                set,
                target,
                rows.count,
                columns.lowerBound,
                columns.upperBound,
                inner,
                call.b + output * inner,
                inner,
                &patches,
                call.subtract,
                scratch
            )
        }
    }

    func accumulateKernelGradient(_ call: ProductCall, _ e: ConvolutionExtents) {
        let kernelSize = e.kernelHeight * e.kernelWidth
        let (plane, outputPlane) = (e.height * e.width, e.outputHeight * e.outputWidth)
        guard e.groupOutputs >= fewestTileRows else {
            var extents = e.plane
            split(e.outputs * e.groupChannels, work: e.batch * outputPlane * kernelSize / 2, unit: 1) { range in
                for index in range {
                    let (output, channel) = index.quotientAndRemainder(dividingBy: e.groupChannels)
                    for image in 0..<e.batch {
                        let input = image * e.channels + output / e.groupOutputs * e.groupChannels + channel
                        cct_plane_kernel_gradient(
                            set,
                            call.sum + index * kernelSize,
                            call.a + input * plane,
                            call.b + (image * e.outputs + output) * outputPlane,
                            &extents,
                            call.subtract
                        )
                    }
                }
            }
            return
        }
        // The sum over images stays inside a tile: no two threads add to the same word.
        let columns = e.groupChannels * kernelSize
        let tiles = ProductTiles(
            self,
            products: e.geometry.groups,
            rows: e.groupOutputs,
            columns: columns,
            inner: outputPlane
        )
        run(tiles) { group, rows, taps, scratch in
            let output = group * e.groupOutputs + rows.lowerBound
            let target = cct_target(
                base: call.sum + output * columns,
                row_step: columns,
                run: columns,
                run_step: 0,
                column_step: 1
            )
            for image in 0..<e.batch {
                var patches = e.windows(of: call.a + (image * e.channels + group * e.groupChannels) * plane)
                cct_patches_transposed_accumulate(
                    set,
                    target,
                    rows.count,
                    taps.lowerBound,
                    taps.upperBound,
                    outputPlane,
                    call.b + (image * e.outputs + output) * outputPlane,
                    outputPlane,
                    &patches,
                    call.subtract,
                    scratch
                )
            }
        }
    }

    func accumulateInputGradient(_ call: ProductCall, _ e: ConvolutionExtents, kernel: RingTensor) {
        let kernelSize = e.kernelHeight * e.kernelWidth
        let (plane, outputPlane) = (e.height * e.width, e.outputHeight * e.outputWidth)
        guard e.groupChannels >= fewestTileRows else {
            var extents = e.plane
            split(e.batch * e.channels, work: outputPlane * kernelSize * e.groupOutputs / 2, unit: 1) { range in
                for index in range {
                    let (image, input) = index.quotientAndRemainder(dividingBy: e.channels)
                    let (group, channel) = input.quotientAndRemainder(dividingBy: e.groupChannels)
                    for output in group * e.groupOutputs..<(group + 1) * e.groupOutputs {
                        cct_plane_input_gradient(
                            set,
                            call.sum + index * plane,
                            call.a + (image * e.outputs + output) * outputPlane,
                            call.b + (output * e.groupChannels + channel) * kernelSize,
                            &extents,
                            call.subtract
                        )
                    }
                }
            }
            return
        }
        for rows in GradientPhase.all(e, axis: 0) {
            for columns in GradientPhase.all(e, axis: 1) {
                accumulateInputGradient(call, e, kernel: kernel, rows, columns)
            }
        }
    }

    /// The pixels of one phase: a convolution of the output's gradient, with stride 1, by the taps that reach them.
    private func accumulateInputGradient(
        _ call: ProductCall,
        _ e: ConvolutionExtents,
        kernel: RingTensor,
        _ y: GradientPhase,
        _ x: GradientPhase
    ) {
        let kernelSize = e.kernelHeight * e.kernelWidth
        let (plane, outputPlane) = (e.height * e.width, e.outputHeight * e.outputWidth)
        // [group, channel, output, ky, kx]: the taps of this phase, with a channel's together.
        let weights = gather(
            kernel,
            StridedView(
                shape: [e.geometry.groups, e.groupChannels, e.groupOutputs, y.taps, x.taps],
                offset: y.firstTap * e.kernelWidth + x.firstTap,
                strides: [
                    e.groupOutputs * e.groupChannels * kernelSize, kernelSize, e.groupChannels * kernelSize,
                    y.tapStep * e.kernelWidth, x.tapStep,
                ]
            )
        )
        let inner = e.groupOutputs * y.taps * x.taps
        let tiles = ProductTiles(
            self,
            products: e.batch * e.geometry.groups,
            rows: e.groupChannels,
            columns: y.pixels * x.pixels,
            inner: inner
        )
        weights.withWords { weights in
            run(tiles) { product, rows, columns, scratch in
                let (image, group) = product.quotientAndRemainder(dividingBy: e.geometry.groups)
                let channel = group * e.groupChannels + rows.lowerBound
                var patches = cct_patches(
                    image: call.a + (image * e.outputs + group * e.groupOutputs) * outputPlane,
                    height: e.outputHeight,
                    width: e.outputWidth,
                    taps_y: y.taps,
                    taps_x: x.taps,
                    first_y: y.firstSource,
                    first_x: x.firstSource,
                    tap_step_y: y.sourceStep,
                    tap_step_x: x.sourceStep,
                    grid_step_y: 1,
                    grid_step_x: 1,
                    grid_width: x.pixels
                )
                let origin = (image * e.channels + channel) * plane + y.firstPixel * e.width + x.firstPixel
                let target = cct_target(
                    base: call.sum + origin,
                    row_step: plane,
                    run: x.pixels,
                    run_step: e.geometry.strides[0] * e.width,
                    column_step: e.geometry.strides[1]
                )
                cct_patches_accumulate(
                    set,
                    target,
                    rows.count,
                    columns.lowerBound,
                    columns.upperBound,
                    inner,
                    weights + channel * inner,
                    inner,
                    &patches,
                    call.subtract,
                    scratch
                )
            }
        }
    }
}

private func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestCommonDivisor(b, a % b)
}

/// Along one axis, the input's pixels that leave the same remainder by the stride: the same taps reach all of them.
///
/// Tap k carries output o to pixel `o · stride − padding + k · dilation`. So pixel p is reached where the stride divides
/// `p + padding − k · dilation`, which is every `stride / gcd(stride, dilation)`-th tap, from output
/// `(p + padding − k · dilation) / stride`.
private struct GradientPhase {
    let firstPixel, pixels: Int
    let firstTap, tapStep, taps: Int
    /// The output that carries to the first pixel by the first tap, and how much further it is by each next one.
    let firstSource, sourceStep: Int

    /// The phases that some tap reaches.
    static func all(_ e: ConvolutionExtents, axis: Int) -> [GradientPhase] {
        let (stride, dilation) = (e.geometry.strides[axis], e.geometry.dilations[axis])
        let padding = e.geometry.padding[axis]
        let (extent, kernel) = axis == 0 ? (e.height, e.kernelHeight) : (e.width, e.kernelWidth)
        // Taps that are `step` apart reach the same pixels.
        let step = stride / greatestCommonDivisor(stride, dilation)
        var first = [Int?](repeating: nil, count: min(stride, extent))
        for tap in 0..<min(step, kernel) {
            let pixel = ((tap * dilation - padding) % stride + stride) % stride
            if pixel < first.count { first[pixel] = tap }
        }
        return first.enumerated().compactMap { pixel, first in
            guard let first else { return nil }
            return GradientPhase(
                firstPixel: pixel,
                pixels: (extent - pixel + stride - 1) / stride,
                firstTap: first,
                tapStep: step,
                taps: (kernel - first + step - 1) / step,
                firstSource: (pixel + padding - first * dilation) / stride,
                sourceStep: -(step * dilation) / stride
            )
        }
    }
}

extension ConvolutionExtents {
    /// The input of one image and group, seen through the kernel's window.
    fileprivate func windows(of image: UnsafePointer<UInt64>) -> cct_patches {
        let isPointwise =
            kernelHeight == 1 && kernelWidth == 1 && geometry.strides == [1, 1] && geometry.padding == [0, 0, 0, 0]
        // A window of one pixel sees the plane as it lies: one row of all its pixels.
        return cct_patches(
            image: image,
            height: isPointwise ? 1 : height,
            width: isPointwise ? height * width : width,
            taps_y: kernelHeight,
            taps_x: kernelWidth,
            first_y: -geometry.padding[0],
            first_x: -geometry.padding[1],
            tap_step_y: geometry.dilations[0],
            tap_step_x: geometry.dilations[1],
            grid_step_y: geometry.strides[0],
            grid_step_x: geometry.strides[1],
            grid_width: isPointwise ? height * width : outputWidth
        )
    }

    /// The extents of one plane.
    fileprivate var plane: cct_plane_extents {
        cct_plane_extents(
            height: height,
            width: width,
            kernel_height: kernelHeight,
            kernel_width: kernelWidth,
            output_height: outputHeight,
            output_width: outputWidth,
            stride_y: geometry.strides[0],
            stride_x: geometry.strides[1],
            dilation_y: geometry.dilations[0],
            dilation_x: geometry.dilations[1],
            padding_y: geometry.padding[0],
            padding_x: geometry.padding[1]
        )
    }
}
