//! stub
use super::GenerateRequest;
/// stub
#[derive(Debug, Clone, Copy)]
pub struct ExtractiveGenerator;
impl ExtractiveGenerator {
    #[expect(clippy::unused_self)]
    pub(super) fn quotes(self, _: &GenerateRequest) -> Vec<String> {
        super::sentences::x();
        vec![]
    }
}
