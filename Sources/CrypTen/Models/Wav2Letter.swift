/// Wav2Letter: from sound `[N, features, T]` to the logarithms of each class's probability at each step, `[N, classes, T']`; Collobert, Puhrsch
/// and Synnaeve 2016, as torchaudio has it.
///
/// State: `acoustic_model.0.weight` and so on, of waveforms `acoustic_model.0.0.weight` and `acoustic_model.1.0.weight` and so on.
public struct Wav2Letter: CompositeModule, Layer {
    /// What sound is given as.
    public enum Input: Hashable, Sendable {
        /// Samples, of one feature.
        case waveform
        /// Spectra or cepstra.
        case features(Int)
    }

    /// The convolutions.
    public var acousticModel: Sequential

    /// The part, by torchaudio's name.
    public static var children: [Child<Self>] { [Child("acoustic_model", \.acousticModel)] }

    /// A network without values yet.
    ///
    /// - Parameters:
    ///   - classes: How many.
    ///   - input: What sound is given as.
    ///   - width: Channels of all but the last three convolutions, which have eight times as many.
    public init(
        classes: Int = 40,
        input: Input = .waveform,
        width: Int = 250,
        file: StaticString = #fileID,
        line: UInt = #line
    ) {
        func convolution(_ from: Int, _ to: Int, _ size: Int, stride: Int = 1, padding: Int = 0) -> Sequential {
            Sequential {
                Conv1d(from, to, kernelSize: size, stride: stride, padding: padding, file: file, line: line)
                ReLU(file: file, line: line)
            }
        }
        let wide = 8.multipliedReportingOverflow(by: width).partialValue
        let (channels, hasWaveform) =
            switch input {
            case .waveform: (width, true)
            case .features(let count): (count, false)
            }
        var layers = convolution(channels, width, 48, stride: 2, padding: 23).layers
        for _ in 0..<7 { layers += convolution(width, width, 7, padding: 3).layers }
        layers += convolution(width, wide, 32, padding: 16).layers
        layers += convolution(wide, wide, 1).layers
        layers += convolution(wide, classes, 1).layers
        acousticModel = Sequential {
            if hasWaveform {
                convolution(1, width, 250, stride: 160, padding: 45)
                Sequential(layers)
            } else {
                layers
            }
        }
    }

    /// The logarithms of the classes' probabilities.
    public func callAsFunction(_ x: CrypTensor) -> CrypTensor {
        withLayer("acoustic_model") { acousticModel(x) }.logSoftmax(axis: 1)
    }
}
