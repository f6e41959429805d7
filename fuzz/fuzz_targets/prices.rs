#![no_main]

use anymodel::pricing::{PriceList, Terms};
use anymodel::{Catalog, ModelInfo, Usage, Usd};
use libfuzzer_sys::fuzz_target;

// A list is read or refused, and what is read costs something that is not below zero, whatever was used.
fuzz_target!(|input: &[u8]| {
    let Ok(json) = std::str::from_utf8(input) else { return };
    let lists = [PriceList::from_json(json), PriceList::from_litellm(json)];
    let mut usages = vec![Usage::new(u64::MAX, u64::MAX), Usage::new(300_000, 1)];
    usages.extend(serde_json::from_str::<Usage>(json));
    for list in lists.into_iter().flatten() {
        for model in list.models() {
            let out = serde_json::to_string(model).unwrap();
            let mut back: ModelInfo = serde_json::from_str(&out).unwrap();
            (back.provider, back.model) = (model.provider.clone(), model.model.clone());
            back.reports_cost = model.reports_cost;
            assert_eq!(&back, model);
            for usage in &usages {
                for terms in [Terms::default(), Terms::default().service_tier("flex").at(0)] {
                    if let Ok(cost) = model.cost(usage, &terms) {
                        assert!(cost.total() >= Usd::ZERO);
                    }
                }
            }
        }
        let catalog = Catalog::default().with_overrides(list);
        for provider in ["openai", "a"] {
            for model in catalog.models(provider) {
                let _ = catalog.model_info_of(provider, &model);
            }
        }
    }
});
