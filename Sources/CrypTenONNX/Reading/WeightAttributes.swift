/// Which attributes of an operator hold weights.
///
/// Operators of classical models have their weights among their attributes, which a skeleton shows. While a file is read they become
/// initialisers, and the node's last inputs, so that all else knows weights as constants only: they are secret by default, `--open` names them,
/// and their owner computes with them.
struct WeightAttributes: Sendable {
    /// How many inputs the standard gives the operator: the weights come after them.
    let inputs: Int
    /// The attributes in the order of their inputs; of some the standard has two forms, of which a node has one.
    let names: [[String]]
    /// Attributes that nothing computes with, and that tell of the data of training.
    var dropped: Set<String> = []

    /// Where an operator reads the weight that an attribute was; nil where that holds none.
    func position(of name: String) -> Int? {
        if name == WeightAttributes.features { return inputs + names.count }
        return names.firstIndex { $0.contains(name) }.map { inputs + $0 }
    }

    /// By operator.
    static let table: [String: WeightAttributes] = {
        let trees = ["nodes_hitrates", "nodes_hitrates_as_tensor"]
        let standard: [String: WeightAttributes] = [
            "Binarizer": WeightAttributes(inputs: 1, names: [["threshold"]]),
            "Imputer": WeightAttributes(inputs: 1, names: [["imputed_value_floats"]]),
            "LabelEncoder": WeightAttributes(
                inputs: 1,
                names: [["values_floats"], ["default_float"], ["keys_floats"]]
            ),
            "LinearClassifier": WeightAttributes(inputs: 1, names: [["coefficients"], ["intercepts"]]),
            "LinearRegressor": WeightAttributes(inputs: 1, names: [["coefficients"], ["intercepts"]]),
            "SVMClassifier": WeightAttributes(
                inputs: 1,
                names: [["coefficients"], ["support_vectors"], ["rho"], ["kernel_params"], ["prob_a"], ["prob_b"]]
            ),
            "SVMRegressor": WeightAttributes(
                inputs: 1,
                names: [["coefficients"], ["support_vectors"], ["rho"], ["kernel_params"]]
            ),
            "Scaler": WeightAttributes(inputs: 1, names: [["offset"], ["scale"]]),
            "TreeEnsemble": WeightAttributes(
                inputs: 1,
                names: [["nodes_splits"], ["leaf_weights"]],
                dropped: Set(trees + ["membership_values"])
            ),
            "TreeEnsembleClassifier": WeightAttributes(
                inputs: 1,
                names: [
                    ["nodes_values", "nodes_values_as_tensor"], ["class_weights", "class_weights_as_tensor"],
                    ["base_values", "base_values_as_tensor"],
                ],
                dropped: Set(trees)
            ),
            "TreeEnsembleRegressor": WeightAttributes(
                inputs: 1,
                names: [
                    ["nodes_values", "nodes_values_as_tensor"], ["target_weights", "target_weights_as_tensor"],
                    ["base_values", "base_values_as_tensor"],
                ],
                dropped: Set(trees)
            ),
        ]
        return Dictionary(uniqueKeysWithValues: standard.map { (OperatorDomain.classical.operation($0), $1) })
    }()
}

extension Operation {
    /// The weight that an attribute held in the file; nil where it was left out, or empty.
    func weight(_ attribute: String) -> Value? {
        WeightAttributes.table[node.operation]?.position(of: attribute).flatMap(optional)
    }
}
