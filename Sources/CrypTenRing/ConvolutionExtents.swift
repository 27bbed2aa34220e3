/// Every extent of a two-dimensional convolution and of its two gradients: the same numbers, whichever tensor is the result.
package struct ConvolutionExtents: Sendable {
    package let geometry: ConvolutionGeometry
    package let batch: Int
    /// Channels of the input and of the output.
    package let channels, outputs: Int
    package let height, width: Int
    package let kernelHeight, kernelWidth: Int
    package let outputHeight, outputWidth: Int

    package var groupChannels: Int { channels / geometry.groups }
    package var groupOutputs: Int { outputs / geometry.groups }

    /// The extents of the convolution of an `input` with a `kernel`, or nil where they don't fit together.
    package init?(_ geometry: ConvolutionGeometry, input: Shape, kernel: Shape) {
        guard let output = try? BilinearOperation.convolution(geometry).outputShape(input, kernel) else { return nil }
        self.geometry = geometry
        (batch, channels, height, width) = (input[0], input[1], input[2], input[3])
        (outputs, kernelHeight, kernelWidth) = (kernel[0], kernel[2], kernel[3])
        (outputHeight, outputWidth) = (output[2], output[3])
    }
}
