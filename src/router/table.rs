//! The groups of a router, and which of them a name means.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::health::Standing;
use super::pattern::Pattern;
use super::slot::Slot;

/// All groups, as they are at one moment: a change makes another table, and calls under way keep theirs.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) slots: Vec<Arc<Slot>>,
    groups: HashMap<String, Arc<Group>>,
    /// Groups with a star in their name, the narrowest first.
    patterns: Vec<(Pattern, Arc<Group>)>,
    aliases: HashMap<String, String>,
    /// Whether a deployment has a limit by tokens.
    pub(super) counts_tokens: bool,
}

/// The deployments of one name, by their order.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: Arc<str>,
    pub(super) slots: Vec<Arc<Slot>>,
    /// The places of each order.
    pub(super) levels: Vec<Range<usize>>,
    has_star: bool,
}

/// What a name means.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) group: Arc<Group>,
    /// What the stars of the group's name stand for.
    captures: Vec<String>,
    asked: String,
}

impl Table {
    pub(super) fn new(slots: Vec<Arc<Slot>>, aliases: HashMap<String, String>) -> Self {
        let mut names: Vec<&str> = Vec::new();
        let mut members: HashMap<&str, Vec<Arc<Slot>>> = HashMap::new();
        for slot in &slots {
            let name = slot.deployment.model_name.as_str();
            let group = members.entry(name).or_insert_with(|| {
                names.push(name);
                Vec::new()
            });
            group.push(Arc::clone(slot));
        }
        let (mut groups, mut patterns) = (HashMap::new(), Vec::new());
        for name in names {
            let group = Arc::new(Group::new(name, members.remove(name).unwrap_or_default()));
            if let Some(pattern) = Pattern::new(name) {
                patterns.push((pattern, Arc::clone(&group)));
            }
            groups.insert(name.to_owned(), group);
        }
        patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.narrowness()));
        let counts_tokens = slots.iter().any(|slot| slot.deployment.tpm.is_some());
        Self { slots, groups, patterns, aliases, counts_tokens }
    }

    pub(super) fn aliases(&self) -> &HashMap<String, String> {
        &self.aliases
    }

    /// The group of this very name.
    pub(super) fn group(&self, name: &str) -> Option<&Arc<Group>> {
        self.groups.get(name)
    }

    /// What a name means: an alias, a group, a deployment's id, a name with stars, or the model of some deployments.
    pub(super) fn find(&self, name: &str) -> Option<Found> {
        let name = self.aliases.get(name).map_or(name, String::as_str);
        let found = |group, captures| Found { group, captures, asked: name.to_owned() };
        if let Some(group) = self.groups.get(name) {
            return Some(found(Arc::clone(group), Vec::new()));
        }
        let only = |slots: Vec<Arc<Slot>>| (!slots.is_empty()).then(|| Arc::new(Group::new(name, slots)));
        if let Some(group) = only(self.slots.iter().filter(|slot| *slot.id == *name).cloned().collect()) {
            return Some(found(group, Vec::new()));
        }
        if let Some((captures, group)) =
            self.patterns.iter().find_map(|(pattern, group)| Some((pattern.captures(name)?, group)))
        {
            return Some(found(Arc::clone(group), captures));
        }
        only(self.slots.iter().filter(|slot| slot.deployment.model == name).cloned().collect())
            .map(|group| found(group, Vec::new()))
    }

    /// Whether a deployment of the same group, other than this one, is healthy.
    pub(super) fn has_another_healthy(&self, slot: &Slot, now: Duration) -> bool {
        self.group(&slot.deployment.model_name).is_some_and(|group| {
            group.slots.iter().any(|other| {
                other.id != slot.id && !other.is_removed() && other.state.health.standing(now) == Standing::Healthy
            })
        })
    }
}

impl Group {
    fn new(name: &str, mut slots: Vec<Arc<Slot>>) -> Self {
        slots.sort_by_key(|slot| slot.deployment.order);
        let mut levels: Vec<Range<usize>> = Vec::new();
        let mut order = None;
        for (place, slot) in slots.iter().enumerate() {
            let end = place.saturating_add(1);
            match levels.last_mut() {
                Some(level) if order == Some(slot.deployment.order) => level.end = end,
                _ => levels.push(place..end),
            }
            order = Some(slot.deployment.order);
        }
        Self { name: name.into(), slots, levels, has_star: name.contains('*') }
    }
}

impl Found {
    /// What tells a target from others that were visited.
    pub(super) fn key(&self) -> &str {
        if self.group.has_star { &self.asked } else { &self.group.name }
    }

    /// The model to ask for, where the deployment does not say it by itself.
    pub(super) fn model(&self, slot: &Slot) -> Option<String> {
        slot.endpoint.is_none().then(|| slot.model_for(&self.captures, &self.asked))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::Deployment;
    use super::*;
    use crate::pricing::Catalog;

    pub(in crate::router) fn slot_of(deployment: Deployment) -> Arc<Slot> {
        let id = deployment.id.clone().unwrap_or_else(|| deployment.natural_id());
        Arc::new(Slot::new(id.into(), deployment, None, Arc::default(), Catalog::default()))
    }

    pub(in crate::router) fn slot(name: &str) -> Arc<Slot> {
        slot_of(Deployment::new("group", "openai/gpt-4o").id(name))
    }

    pub(in crate::router) fn table(deployments: impl IntoIterator<Item = Deployment>) -> Arc<Table> {
        let aliases = HashMap::from([("nick".to_owned(), "a".to_owned())]);
        Arc::new(Table::new(deployments.into_iter().map(slot_of).collect(), aliases))
    }

    #[test]
    fn a_name_is_an_alias_a_group_an_id_a_pattern_or_a_model() {
        let table = table([
            Deployment::new("a", "openai/one").id("first"),
            Deployment::new("a", "openai/two"),
            Deployment::new("openai/*", "azure/*"),
            Deployment::new("openai/gpt-*", "openai/gpt-*"),
        ]);
        let ids = |name: &str| -> Vec<String> {
            let slots = table.find(name).into_iter().flat_map(|found| found.group.slots.clone());
            slots.map(|slot| slot.id.to_string()).collect()
        };
        assert_eq!(ids("a").len(), 2);
        assert_eq!(ids("nick"), ids("a"));
        assert_eq!(ids("first"), ["first"]);
        assert_eq!(ids("openai/gpt-5"), ["openai/gpt-*:openai/gpt-*"]);
        assert_eq!(ids("openai/o3"), ["openai/*:azure/*"]);
        assert_eq!(ids("nothing"), [""; 0]);
        let found = table.find("openai/o3").unwrap();
        assert_eq!(found.model(&found.group.slots[0]).as_deref(), Some("azure/o3"));
    }

    #[test]
    fn the_levels_of_a_group_are_its_orders() {
        let orders = [3, 1, 2, 1].map(|order| Deployment::new("a", "openai/m").order(order));
        let table = table(orders);
        assert_eq!(table.group("a").unwrap().levels, [0..2, 2..3, 3..4]);
    }
}
