//! Tables for a terminal.

/// Lines of a table, a header and its rows, each column as wide as its widest cell: the first to the left, all others
/// to the right.
pub fn aligned(header: &[&str], rows: &[Vec<String>]) -> String {
    let header = header.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let lines = || std::iter::once(&header).chain(rows);
    let width = |column: usize| lines().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let widths = (0..header.len()).map(|column| width(column).unwrap_or(0)).collect::<Vec<_>>();
    let mut text = String::new();
    for line in lines() {
        let mut shown = String::new();
        for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
            shown += &if column == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
        }
        text += shown.trim_end();
        text += "\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_in_any_script() {
        let rows = [vec!["почта".into(), "1".into()], vec!["a".into(), "100".into()]];
        assert_eq!(aligned(&["", "n"], &rows), "         n\nпочта    1\na      100\n");
    }

    #[test]
    fn no_line_ends_in_a_blank() {
        assert_eq!(aligned(&["a", "b"], &[vec!["1".into(), String::new()]]), "a  b\n1\n");
    }
}
