import CrypTen
import ExampleSupport
import Foundation

/// Texts as numbers of words, and their topics.
struct Texts: Sendable {
    /// How many different words there are.
    let wordCount: Int
    /// How many topics there are.
    let topicCount: Int
    /// The words of each text, `length` of them.
    private(set) var train: [[Int]] = []
    private(set) var trainTopics: [Int] = []
    private(set) var test: [[Int]] = []
    private(set) var testTopics: [Int] = []
    /// How many words a text has.
    var length: Int { train.first?.count ?? 0 }

    /// Made-up texts of 20 of 240 words: a third of a text's words are its topic's, of which each topic has 60.
    init(seed: UInt64, rows: Int) {
        (wordCount, topicCount) = (240, 4)
        var numbers = SeededNumbers(seed: seed)
        func text(_ topic: Int) -> [Int] {
            (0..<20).map { _ in
                let word = numbers.index(below: 60)
                return 4 * word + (numbers.uniform(0, 1) < 0.3 ? topic : numbers.index(below: 4))
            }
        }
        trainTopics = (0..<rows).map { _ in numbers.index(below: 4) }
        testTopics = (0..<rows / 2).map { _ in numbers.index(below: 4) }
        (train, test) = (trainTopics.map(text), testTopics.map(text))
    }

    /// Texts of a folder with `x_train.npy` and `x_test.npy`, numbers of words in rows of one length, and `y_train.npy` and `y_test.npy`,
    /// numbers of topics.
    init(folder: String, rows: Int) throws {
        func numbers(_ name: String) throws -> (shape: Shape, values: [Int]) {
            let url = URL(fileURLWithPath: folder).appendingPathComponent(name)
            let tensor = try Tensor(contentsOfNumpyFile: url)
            guard let whole = tensor.integers, whole.allSatisfy({ $0 >= 0 }) else {
                throw CrypTenError(.invalidArgument, "\(url.path) holds numbers that aren't whole, or negative ones")
            }
            return (tensor.shape, whole.map { Int($0) })
        }
        func part(_ name: String, _ rows: Int) throws -> (texts: [[Int]], topics: [Int]) {
            let (shape, words) = try numbers("x_\(name).npy")
            let topics = try numbers("y_\(name).npy").values
            guard shape.rank == 2, shape[0] == topics.count, shape[0] > 0 else {
                throw CrypTenError(
                    .shapeMismatch,
                    "x_\(name).npy has shape \(shape), and there are \(topics.count) topics: a row of words for each topic is wanted"
                )
            }
            // Spread over the file, whose rows may be in the order of their topics.
            let chosen = evenParts(of: shape[0], among: min(rows, shape[0])).map(\.lowerBound)
            return (chosen.map { Array(words[$0 * shape[1]..<($0 + 1) * shape[1]]) }, chosen.map { topics[$0] })
        }
        (train, trainTopics) = try part("train", rows)
        (test, testTopics) = try part("test", rows / 2)
        wordCount = (train + test).joined().max()! + 1
        topicCount = (trainTopics + testTopics).max()! + 1
    }

    /// How often each word is in each text, `[texts, words]`: all that a mean of words depends on.
    func counts(of texts: [[Int]]) -> Tensor {
        var counts = [Int](repeating: 0, count: texts.count * wordCount)
        for (row, text) in texts.enumerated() {
            for word in text { counts[row * wordCount + word] += 1 }
        }
        return Tensor(counts, shape: [texts.count, wordCount])
    }

    /// Rows with a 1 at the topic.
    func labels(of topics: [Int]) -> Tensor {
        let ones = topics.flatMap { topic in (0..<topicCount).map { $0 == topic ? 1 : 0 } }
        return Tensor(ones, shape: [topics.count, topicCount])
    }
}
