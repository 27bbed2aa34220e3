import CrypTenRing

/// `plane_product`: convolutions whose groups have one channel each, word by word and without patches.
extension DeviceConvolution {
    /// Whether groups are planes, and few outputs share one: a product of matrices would be thin.
    var isOfPlanes: Bool {
        channels == 1 && (outputs < 16 || taps < 64)
    }
}

extension DeviceCall {
    /// sum[o, pixel] ±= Σ kernel[o, tap] · image[pixel at tap], for each image and output.
    func convolvePlanes(
        _ e: DeviceConvolution,
        _ sum: DeviceAddress,
        image: DeviceAddress,
        kernel: DeviceAddress
    ) throws {
        let outputs = e.groups * e.outputs
        let count = e.batch * outputs * e.outputPlane
        let arguments = PlaneProductArguments(
            to: sum,
            image: image,
            weights: kernel,
            count: UInt64(count),
            outputs: UInt32(outputs),
            groupOutputs: UInt32(e.outputs),
            height: UInt32(e.height),
            width: UInt32(e.width),
            kernelHeight: UInt32(e.kernelHeight),
            kernelWidth: UInt32(e.kernelWidth),
            outHeight: UInt32(e.outputHeight),
            outWidth: UInt32(e.outputWidth),
            strideY: UInt32(e.strideY),
            strideX: UInt32(e.strideX),
            paddingY: UInt32(e.paddingY),
            paddingX: UInt32(e.paddingX),
            dilationY: UInt32(e.dilationY),
            dilationX: UInt32(e.dilationX),
            subtract: e.subtracting ? 1 : 0
        )
        try forEach(count, "plane_product", arguments)
    }
}
