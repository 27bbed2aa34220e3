/// What the numbers of an input or output are, once they are put together.
package enum TensorType: String, Codable, Sendable, CaseIterable {
    case fp32 = "FP32"
    case fp64 = "FP64"
    case int64 = "INT64"
    case bool = "BOOL"
}
