//! A small decision tree on a few numbers a picture: what a property alone can tell of the class.
//!
//! CART (Breiman, Friedman, Olshen, Stone 1984): cuts that lower the Gini impurity most, the best leaf first, classes
//! weighted so that each counts the same.

use std::ops::Range;

/// Most leaves.
const LEAVES: usize = 8;
/// Fewest pictures in a leaf: fewer would tell single pictures by heart.
const LEAST: usize = 3;
/// A cut that lowers the impurity by less of the whole is none.
const WORTH: f64 = 1e-6;

/// Numbers of pictures, row-major `[N, D]`, and their classes.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub values: &'a [f64],
    pub columns: usize,
    pub labels: &'a [u32],
    pub classes: usize,
}

impl Rows<'_> {
    fn row(&self, i: usize) -> &[f64] {
        &self.values[i * self.columns..(i + 1) * self.columns]
    }
}

/// Inner nodes send a row left where `row[column] <= at`.
enum Node {
    Leaf(u32),
    Cut { column: usize, at: f64, left: usize, right: usize },
}

/// A tree that labels rows.
pub(super) struct Tree(Vec<Node>);

/// A leaf that could be cut: its pictures in `order`, and the best cut with what it gains.
struct Open {
    node: usize,
    rows: Range<usize>,
    cut: Option<(f64, usize, f64)>, // gain, column, at
}

impl Tree {
    /// Grows a tree.
    ///
    /// # Panics
    /// If there are no rows.
    pub fn grow(rows: &Rows) -> Self {
        let n = rows.labels.len();
        assert!(n > 0 && rows.values.len() == n * rows.columns, "Tree::grow: {} values, {n} rows", rows.values.len());
        let weights = weights(rows);
        let mut order: Vec<usize> = (0..n).collect();
        let open = |node: usize, part: Range<usize>, order: &[usize]| Open {
            node,
            cut: best_cut(rows, &weights, &order[part.clone()]),
            rows: part,
        };
        let leaf = |members: &[usize]| Node::Leaf(heaviest(&totals(rows, &weights, members)));
        let mut nodes = vec![leaf(&order)];
        let mut leaves = vec![open(0, 0..n, &order)];
        while leaves.len() < LEAVES {
            let gain = |open: &Open| open.cut.map_or(0.0, |cut| cut.0);
            let best =
                (1..leaves.len()).fold(0, |best, i| if gain(&leaves[i]) > gain(&leaves[best]) { i } else { best });
            let Some((_, column, at)) = leaves[best].cut else { break };
            let Open { node, rows: part, .. } = leaves.swap_remove(best);
            let members = &mut order[part.clone()];
            members.sort_by_key(|&i| rows.row(i)[column] > at); // stable
            let middle = part.start + members.partition_point(|&i| rows.row(i)[column] <= at);
            let left = nodes.len();
            nodes.push(leaf(&order[part.start..middle]));
            nodes.push(leaf(&order[middle..part.end]));
            nodes[node] = Node::Cut { column, at, left, right: left + 1 };
            leaves.push(open(left, part.start..middle, &order));
            leaves.push(open(left + 1, middle..part.end, &order));
        }
        Self(nodes)
    }

    /// The class of one row.
    pub fn label(&self, row: &[f64]) -> u32 {
        let mut node = 0;
        loop {
            match self.0[node] {
                Node::Leaf(label) => return label,
                Node::Cut { column, at, left, right } => node = if row[column] <= at { left } else { right },
            }
        }
    }
}

/// Of one picture of each class: the inverse of the class's pictures.
fn weights(rows: &Rows) -> Vec<f64> {
    let mut counts = vec![0_usize; rows.classes];
    rows.labels.iter().for_each(|&label| counts[label as usize] += 1);
    counts.iter().map(|&n| 1.0 / n.max(1) as f64).collect()
}

fn totals(rows: &Rows, weights: &[f64], members: &[usize]) -> Vec<f64> {
    let mut totals = vec![0.0; rows.classes];
    members.iter().map(|&i| rows.labels[i] as usize).for_each(|label| totals[label] += weights[label]);
    totals
}

fn heaviest(totals: &[f64]) -> u32 {
    (1..totals.len()).fold(0, |best, k| if totals[k] > totals[best] { k } else { best }) as u32
}

/// Weight times Gini impurity: `W - sum of squares / W`.
fn impurity(totals: &[f64]) -> f64 {
    let weight: f64 = totals.iter().sum();
    if weight > 0.0 { weight - totals.iter().map(|t| t * t).sum::<f64>() / weight } else { 0.0 }
}

/// The cut with the largest gain; of equals the first column's lowest.
fn best_cut(rows: &Rows, weights: &[f64], members: &[usize]) -> Option<(f64, usize, f64)> {
    let all = totals(rows, weights, members);
    let before = impurity(&all);
    let mut best: Option<(f64, usize, f64)> = None;
    for column in 0..rows.columns {
        let mut sorted: Vec<(f64, u32)> = members.iter().map(|&i| (rows.row(i)[column], rows.labels[i])).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut left = vec![0.0; rows.classes];
        let mut right = all.clone();
        for (at, pair) in sorted.windows(2).enumerate() {
            let label = pair[0].1 as usize;
            left[label] += weights[label];
            right[label] -= weights[label];
            let small = at + 1 < LEAST || sorted.len() - at - 1 < LEAST;
            if small || pair[0].0 == pair[1].0 {
                continue;
            }
            let gain = before - impurity(&left) - impurity(&right);
            if gain > WORTH && best.is_none_or(|(most, ..)| gain > most) {
                best = Some((gain, column, 0.5 * (pair[0].0 + pair[1].0)));
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_those_of_scikit_learn() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../../fixtures/tree.json")).expect("fixtures/tree.json is JSON");
        for case in fixture.as_array().expect("cases") {
            let numbers = |name: &str| -> Vec<f64> {
                case[name].as_array().expect("a list").iter().map(|v| v.as_f64().expect("a number")).collect()
            };
            let whole = |name: &str| -> Vec<u32> { numbers(name).iter().map(|&v| v as u32).collect() };
            let (values, labels) = (numbers("values"), whole("labels"));
            let columns = values.len() / labels.len();
            let classes = case["classes"].as_u64().expect("a number") as usize;
            let tree = Tree::grow(&Rows { values: &values, columns, labels: &labels, classes });
            let ours: Vec<u32> = numbers("asked").chunks_exact(columns).map(|row| tree.label(row)).collect();
            assert_eq!(ours, whole("answers"));
            assert_eq!(tree.0.iter().filter(|node| matches!(node, Node::Leaf(_))).count(), LEAVES);
        }
    }

    #[test]
    fn what_is_constant_or_few_is_not_cut() {
        let labels: Vec<u32> = (0..20).map(|i| u32::from(i % 4 == 0)).collect();
        let grow =
            |values: &[f64]| Tree::grow(&Rows { values, columns: 1, labels: &labels[..values.len()], classes: 2 });
        assert_eq!(grow(&[7.0; 20]).0.len(), 1);
        assert_eq!(grow(&[1.0, 2.0, 3.0, 4.0, 5.0]).0.len(), 1, "two leaves of three take six");
    }
}
