//! The types of a part as the whole has them: their indices, and the resources of the host that are one type for all parts.

use std::collections::HashMap;
use std::convert::Infallible;

use wasm_encoder::reencode::{Error, Reencode, ReencodeComponent, component_utils};
use wasm_encoder::{
    Alias, ComponentBuilder, ComponentExportKind, ComponentOuterAliasKind, ComponentType, ComponentTypeRef,
    InstanceType, TypeBounds,
};
use wasmparser::{ComponentAlias, ComponentExternalKind, ComponentTypeDeclaration, InstanceTypeDeclaration};
use wattle_spec::interface::Interface;

use super::compose::ComposeError;

/// The resources that parts import so far, by interface and name: the type that each of them is in the whole.
pub(super) type Shared = HashMap<(Interface, String), u32>;

/// Where the things of a part are in the whole.
pub(super) struct Moved<'s> {
    /// The types of each depth: of the part itself, then of the instance types that are being written.
    levels: Vec<Level>,
    instances: Vec<u32>,
    shared: &'s mut Shared,
    /// The interface whose type is being written.
    interface: Option<Interface>,
    /// The resources that the types of interfaces define, by interface.
    resources: HashMap<Interface, Vec<String>>,
}

/// The types at one depth.
#[derive(Default)]
struct Level {
    /// Where each type of the part is in the whole.
    moved: Vec<u32>,
    /// How many there are in the whole, but for the part itself: there, others define types, too.
    len: u32,
}

impl Level {
    /// A type that is in both.
    fn add(&mut self) {
        self.moved.push(self.len);
        self.len += 1;
    }

    fn get(&self, index: u32) -> u32 {
        // What is not there is refused when the whole is compiled.
        self.moved.get(index as usize).copied().unwrap_or(u32::MAX)
    }
}

impl<'s> Moved<'s> {
    /// Those of a part of which nothing was written yet.
    pub(super) fn new(shared: &'s mut Shared) -> Self {
        let levels = vec![Level::default()];
        Self { levels, instances: Vec::new(), shared, interface: None, resources: HashMap::new() }
    }

    /// The index that the next type of the part has there.
    pub(super) fn next_type(&self) -> u32 {
        self.levels[0].moved.len() as u32
    }

    /// The next type is that of an import called so.
    pub(super) fn begin_type(&mut self, import: Option<&str>) {
        self.interface = import.and_then(track);
    }

    /// The next thing of this `kind` that the part has is at `index` in the whole.
    pub(super) fn add(&mut self, kind: ComponentExportKind, index: u32) -> Result<(), ComposeError> {
        match kind {
            ComponentExportKind::Type => self.levels[0].moved.push(index),
            ComponentExportKind::Instance => self.instances.push(index),
            ComponentExportKind::Func => {}
            _ => return Err(ComposeError::Unusual("begins with something else than interfaces, functions and types")),
        }
        Ok(())
    }

    pub(super) fn instance(&self, index: u32) -> Result<u32, ComposeError> {
        self.instances
            .get(index as usize)
            .copied()
            .ok_or(ComposeError::Unusual("names an instance that it does not have"))
    }

    /// The whole imports as `instance` what a part imports as `import`: its resources are those of all parts.
    pub(super) fn share(&mut self, builder: &mut ComponentBuilder, import: &str, instance: u32) {
        let Some(interface) = track(import) else { return };
        for resource in self.resources.remove(&interface).unwrap_or_default() {
            let ty = builder.alias_export(instance, &resource, ComponentExportKind::Type);
            self.shared.insert((interface.clone(), resource), ty);
        }
    }

    fn level(&mut self) -> &mut Level {
        self.levels.last_mut().expect("invariant: the first is never taken away")
    }

    /// The type in the whole of a resource that an import defines here, if a part before imported it, too.
    fn shared(&mut self, resource: &str) -> Option<u32> {
        let interface = self.interface.as_ref().filter(|_| self.levels.len() == 2)?;
        let shared = self.shared.get(&(interface.clone(), resource.to_owned())).copied();
        if shared.is_none() {
            self.resources.entry(interface.clone()).or_default().push(resource.to_owned());
        }
        shared
    }
}

/// What all versions have in common of the interface that is imported as `import`, as far as one implementation serves them.
/// `None`: no interface, but a name of the component's own.
fn track(import: &str) -> Option<Interface> {
    import.parse().ok().map(|interface: Interface| interface.track())
}

impl Reencode for Moved<'_> {
    type Error = Infallible;
}

impl ReencodeComponent for Moved<'_> {
    fn component_type_index(&mut self, ty: u32) -> u32 {
        self.level().get(ty)
    }

    fn outer_component_type_index(&mut self, count: u32, ty: u32) -> u32 {
        let level = self.levels.len().checked_sub(1 + count as usize);
        level.map_or(u32::MAX, |level| self.levels[level].get(ty))
    }

    fn push_depth(&mut self) {
        self.levels.push(Level::default());
    }

    fn pop_depth(&mut self) {
        self.levels.pop();
    }

    fn parse_component_instance_type_declaration(
        &mut self,
        ty: &mut InstanceType,
        declaration: InstanceTypeDeclaration<'_>,
    ) -> Result<(), Error<Infallible>> {
        use InstanceTypeDeclaration::{Alias as Aliased, CoreType, Export, Type};
        let defines_type = match &declaration {
            Type(_) | Export { ty: wasmparser::ComponentTypeRef::Type(_), .. } => true,
            Aliased(alias) => is_type(alias),
            CoreType(_) | Export { .. } => false,
        };
        let resource = match &declaration {
            Export { name, ty: wasmparser::ComponentTypeRef::Type(wasmparser::TypeBounds::SubResource) } => Some(*name),
            _ => None,
        };
        match resource.and_then(|name| Some((name, self.shared(name.name)?))) {
            Some((name, index)) => {
                ty.alias(Alias::Outer { kind: ComponentOuterAliasKind::Type, count: 1, index });
                let level = self.level();
                let same = TypeBounds::Eq(level.len);
                level.len += 1;
                ty.export(name, ComponentTypeRef::Type(same));
            }
            None => component_utils::parse_component_instance_type_declaration(self, ty, declaration)?,
        }
        if defines_type {
            self.level().add();
        }
        Ok(())
    }

    fn parse_component_type_declaration(
        &mut self,
        ty: &mut ComponentType,
        declaration: ComponentTypeDeclaration<'_>,
    ) -> Result<(), Error<Infallible>> {
        use ComponentTypeDeclaration::{Alias as Aliased, Export, Import, Type};
        let defines_type = match &declaration {
            Type(_) | Export { ty: wasmparser::ComponentTypeRef::Type(_), .. } => true,
            Import(import) => matches!(import.ty, wasmparser::ComponentTypeRef::Type(_)),
            Aliased(alias) => is_type(alias),
            _ => false,
        };
        component_utils::parse_component_type_declaration(self, ty, declaration)?;
        if defines_type {
            self.level().add();
        }
        Ok(())
    }
}

fn is_type(alias: &ComponentAlias<'_>) -> bool {
    match alias {
        ComponentAlias::InstanceExport { kind, .. } => *kind == ComponentExternalKind::Type,
        ComponentAlias::Outer { kind, .. } => *kind == wasmparser::ComponentOuterAliasKind::Type,
        ComponentAlias::CoreInstanceExport { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::track;

    #[test]
    fn tracks() {
        let check = |import: &str, expected: Option<&str>| {
            assert_eq!(track(import).map(|track| track.to_string()).as_deref(), expected, "{import}");
        };
        check("wasi:io/streams@0.2.12", Some("wasi:io/streams@0.2.0"));
        check("wasi:io/streams@0.2.0", Some("wasi:io/streams@0.2.0"));
        check("acme:shop/cart@1.2.3+built", Some("acme:shop/cart@1.0.0"));
        check("acme:shop/cart@0.0.3", Some("acme:shop/cart@0.0.3"));
        check("wasi:keyvalue/store@0.2.0-draft", Some("wasi:keyvalue/store@0.2.0-draft"));
        check("wasi:logging/logging", Some("wasi:logging/logging"));
        check("sessions", None);
    }
}
