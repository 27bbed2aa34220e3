import CrypTen
import ExampleSupport
import Foundation

/// Spoken commands as features over time, and which command each is.
struct Commands: Sendable {
    /// How many commands there are.
    let count: Int
    /// Features `[recordings, bands, times]`.
    let train: Tensor
    let trainLabels: [Int]
    let test: Tensor
    let testLabels: [Int]

    /// Made-up recordings: a tone that is low or high, one that rises or falls, of a pitch, loudness and beginning of their own, in noise.
    init(seed: UInt64, rows: Int) {
        var numbers = SeededNumbers(seed: seed)
        func recordings(_ count: Int) -> (Tensor, [Int]) {
            let labels = (0..<count).map { $0 % 4 }
            let features = labels.flatMap { Commands.features(of: Commands.sound($0, &numbers)) }
            return (Tensor(features, shape: [count, Commands.bands, Commands.times]), labels)
        }
        count = 4
        (train, trainLabels) = recordings(rows)
        (test, testLabels) = recordings(rows / 2)
    }

    /// Recordings of a folder with `x_train_i8.npy` and `x_test_i8.npy`, features `[N, bands, times]` in 32nds, and `y_train.npy` and `y_test.npy`.
    init(folder: String, rows: Int) throws {
        func tensor(_ name: String) throws -> Tensor {
            try Tensor(contentsOfNumpyFile: URL(fileURLWithPath: folder).appendingPathComponent(name))
        }
        func part(_ name: String, _ rows: Int) throws -> (Tensor, [Int]) {
            let (features, labels) = (try tensor("x_\(name)_i8.npy"), try tensor("y_\(name).npy"))
            guard features.shape.rank == 3, labels.shape == [features.shape[0]], let classes = labels.integers else {
                throw CrypTenError(
                    .shapeMismatch,
                    "\(folder): features [N, bands, times] and N whole numbers are wanted, not \(features.shape) and \(labels.shape)"
                )
            }
            // Spread over the file, whose rows may be in the order of their commands.
            let chosen = evenParts(of: features.shape[0], among: min(rows, features.shape[0])).map(\.lowerBound)
            let values = features.rows(chosen)
            return (Tensor(values.doubles.map { $0 / 32 }, shape: values.shape), chosen.map { Int(classes[$0]) })
        }
        (train, trainLabels) = try part("train", rows)
        (test, testLabels) = try part("test", rows / 2)
        count = (trainLabels + testLabels).max()! + 1
    }

    /// Rows with a 1 at the command.
    func oneHot(_ labels: [Int]) -> Tensor {
        Tensor(labels.flatMap { label in (0..<count).map { $0 == label ? 1 : 0 } }, shape: [labels.count, count])
    }

    // MARK: Made-up sound

    private static let (rate, bands, times, window, hop) = (4000.0, 12, 32, 128, 50)

    /// Samples of a command.
    private static func sound(_ command: Int, _ numbers: inout SeededNumbers) -> [Double] {
        let base = numbers.uniform(0.9, 1.1)
        let (start, end) = [(500.0, 500.0), (1100, 1100), (450, 1150), (1150, 450)][command]
        let (loudness, noise) = (numbers.uniform(0.5, 1.5), numbers.uniform(0.1, 0.4))
        let beginning = numbers.uniform(0, 0.2)
        let count = window + hop * (times - 1)
        var phase = numbers.uniform(0, 2 * .pi)
        return (0..<count).map { index in
            let part = (Double(index) / Double(count) - beginning) / 0.7
            let isSounding = (0..<1).contains(part)
            phase += 2 * .pi * base * (start + (end - start) * min(max(part, 0), 1)) / rate
            return (isSounding ? loudness * sin(phase) : 0) + noise * numbers.normal()
        }
    }

    /// What the owner of a recording makes of it: the logarithms of the energies in bands, window by window, less their mean, over their deviation.
    private static func features(of sound: [Double]) -> [Double] {
        let energies = (0..<bands).flatMap { band in
            (0..<times).map { time in
                let frequency = 2 * .pi * (300 + 90 * Double(band)) / rate
                var (real, imaginary) = (0.0, 0.0)
                for place in 0..<window {
                    let bell = 0.5 - 0.5 * cos(2 * .pi * Double(place) / Double(window))
                    let sample = bell * sound[time * hop + place]
                    real += sample * cos(frequency * Double(place))
                    imaginary += sample * sin(frequency * Double(place))
                }
                return log(real * real + imaginary * imaginary + 1e-3)
            }
        }
        let mean = energies.reduce(0, +) / Double(energies.count)
        let variance = energies.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(energies.count)
        return energies.map { ($0 - mean) / variance.squareRoot() }
    }
}
