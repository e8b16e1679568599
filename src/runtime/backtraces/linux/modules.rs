//! The program and its libraries: where their code lies, and copies of their unwind tables.
//!
//! The list is asked of the dynamic linker, and asked again when it says that libraries came or went. The tables of a
//! library are copied when an address of it is met first: some megabytes for a large program.

use std::ffi::{CStr, c_int, c_void};
use std::ops::Range;
use std::sync::Arc;

use framehop::x86_64::{CacheX86_64, UnwinderX86_64};
use framehop::{ExplicitModuleSectionInfo, Unwinder};
use gimli::{BaseAddresses, EhFrame, EhFrameHdr, LittleEndian, ParsedEhFrameHdr, Pointer, UnwindSection};

use crate::runtime::own_memory;

/// The most that is copied of one library's tables, in bytes: more is no table but a mistake.
const MOST: u64 = 256 << 20;

pub(super) struct Modules {
    /// How many libraries had come and gone when the list was made; None before.
    changes: Option<(u64, u64)>,
    list: Vec<Module>,
    pub(super) unwinder: UnwinderX86_64<Bytes>,
    pub(super) cache: CacheX86_64,
}

type Bytes = Arc<[u8]>;

/// One of them. Addresses are where things lie in memory.
#[derive(Default)]
struct Module {
    name: String,
    /// What is added to the addresses that its file says.
    base: u64,
    segments: Vec<Range<u64>>,
    code: Vec<Range<u64>>,
    /// The index of its unwind table.
    header: Option<Range<u64>>,
    is_loaded: bool,
    table: Option<Table>,
}

/// The unwind tables, copied.
struct Table {
    header: Bytes,
    frames: Bytes,
    bases: BaseAddresses,
}

impl Modules {
    pub(super) fn new() -> Self {
        Self { changes: None, list: Vec::new(), unwinder: UnwinderX86_64::new(), cache: CacheX86_64::new() }
    }

    /// Makes the list anew if libraries came or went.
    pub(super) fn refresh(&mut self) {
        let mut listing = Listing { known: self.changes, changes: self.changes, list: Vec::new() };
        // SAFETY: `add` takes what the linker gives it, and `listing` outlives the call.
        unsafe { libc::dl_iterate_phdr(Some(add), (&raw mut listing).cast()) };
        if listing.changes != self.changes {
            if self.changes.is_some() {
                // What was read of a library that has gone would name the functions of the one in its place.
                backtrace::clear_symbol_cache();
            }
            *self = Self { changes: listing.changes, list: listing.list, ..Self::new() };
        }
    }

    /// Whether an address is one of code.
    pub(super) fn is_code(&self, address: u64) -> bool {
        self.of(address).is_some_and(|module| module.code.iter().any(|code| code.contains(&address)))
    }

    /// The name of the library that the address belongs to; the program's own is empty.
    pub(super) fn name(&self, address: u64) -> Option<&str> {
        self.of(address).map(|module| module.name.as_str())
    }

    /// Where the function begins that an address lies in, as the unwind table has it.
    pub(super) fn function(&self, address: u64) -> Option<u64> {
        let module = self.of(address)?;
        let table = module.table.as_ref()?;
        let header = table.index().ok()?;
        let frames = table.frames();
        let svma = address.checked_sub(module.base)?;
        let entry = header.table()?.fde_for_address(&frames, &table.bases, svma, EhFrame::cie_from_offset).ok()?;
        let start = entry.initial_address().wrapping_add(module.base);
        entry.contains(svma).then_some(start)
    }

    /// Copies the tables that unwinding from this address needs.
    pub(super) fn load(&mut self, address: u64) {
        let Some(module) = self.list.iter_mut().find(|module| module.contains(address)) else { return };
        if module.is_loaded {
            return;
        }
        module.is_loaded = true;
        module.table = module.copy_table();
        let Some(table) = &module.table else { return };
        let range = |start: Option<u64>, bytes: &Bytes| start.map(|start| start..start + bytes.len() as u64);
        let sections = ExplicitModuleSectionInfo {
            eh_frame_hdr_svma: range(table.bases.eh_frame_hdr.section, &table.header),
            eh_frame_hdr: Some(table.header.clone()),
            eh_frame_svma: range(table.bases.eh_frame.section, &table.frames),
            eh_frame: Some(table.frames.clone()),
            ..Default::default()
        };
        let known = framehop::Module::new(module.name.clone(), module.range(), module.base, sections);
        self.unwinder.add_module(known);
    }

    fn of(&self, address: u64) -> Option<&Module> {
        self.list.iter().find(|module| module.contains(address))
    }
}

impl Module {
    fn contains(&self, address: u64) -> bool {
        self.segments.iter().any(|segment| segment.contains(&address))
    }

    fn range(&self) -> Range<u64> {
        let start = self.segments.iter().map(|segment| segment.start).min().unwrap_or(0);
        start..self.segments.iter().map(|segment| segment.end).max().unwrap_or(0)
    }

    /// The index says where the table begins; it ends somewhere within its segment.
    fn copy_table(&self) -> Option<Table> {
        let header = self.header.clone()?;
        let svma = |address: u64| address.wrapping_sub(self.base);
        let bases = BaseAddresses::default().set_eh_frame_hdr(svma(header.start));
        let bytes = copy(header)?;
        let parsed = EhFrameHdr::new(&bytes, LittleEndian).parse(&bases, 8).ok()?;
        let Pointer::Direct(start) = parsed.eh_frame_ptr() else { return None };
        let start = start.checked_add(self.base)?;
        let segment = self.segments.iter().find(|segment| segment.contains(&start))?;
        let frames = copy(start..segment.end)?;
        Some(Table { header: bytes, frames, bases: bases.set_eh_frame(svma(start)) })
    }
}

impl Table {
    fn index(&self) -> gimli::Result<ParsedEhFrameHdr<gimli::EndianSlice<'_, LittleEndian>>> {
        EhFrameHdr::new(&self.header, LittleEndian).parse(&self.bases, 8)
    }

    fn frames(&self) -> EhFrame<gimli::EndianSlice<'_, LittleEndian>> {
        EhFrame::new(&self.frames, LittleEndian)
    }
}

fn copy(range: Range<u64>) -> Option<Bytes> {
    let length = range.end.checked_sub(range.start).filter(|length| *length <= MOST)?;
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    let read = own_memory::read(range.start, &mut bytes);
    bytes.truncate(read);
    (!bytes.is_empty()).then(|| bytes.into())
}

/// What `add` fills.
struct Listing {
    known: Option<(u64, u64)>,
    changes: Option<(u64, u64)>,
    list: Vec<Module>,
}

/// Takes one library; not 0 ends the listing.
///
/// # Safety
/// For `dl_iterate_phdr` to call, with a `Listing`.
unsafe extern "C" fn add(info: *mut libc::dl_phdr_info, size: usize, listing: *mut c_void) -> c_int {
    // SAFETY: `refresh` passes its `Listing`, which nobody else has while the linker iterates.
    let listing = unsafe { &mut *listing.cast::<Listing>() };
    if size < size_of::<libc::dl_phdr_info>() {
        // A linker of long ago, which does not count changes.
        return 1;
    }
    // SAFETY: the linker passes a valid structure for the time of this call, of the size that was checked.
    let info = unsafe { &*info };
    listing.changes = Some((info.dlpi_adds, info.dlpi_subs));
    if listing.changes == listing.known {
        return 1;
    }
    let mut module = Module { base: info.dlpi_addr, ..Module::default() };
    if !info.dlpi_name.is_null() {
        // SAFETY: not null: a text with a zero at its end, valid while the linker iterates.
        module.name = unsafe { CStr::from_ptr(info.dlpi_name) }.to_string_lossy().into_owned();
    }
    if !info.dlpi_phdr.is_null() {
        // SAFETY: the linker's own list of that many headers, valid while it iterates.
        let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        headers.iter().for_each(|header| module.add(header));
    }
    listing.list.push(module);
    0
}

impl Module {
    fn add(&mut self, header: &libc::Elf64_Phdr) {
        let start = self.base.wrapping_add(header.p_vaddr);
        let range = start..start.saturating_add(header.p_memsz);
        match header.p_type {
            libc::PT_LOAD => {
                if header.p_flags & libc::PF_X != 0 {
                    self.code.push(range.clone());
                }
                self.segments.push(range);
            }
            libc::PT_GNU_EH_FRAME => self.header = Some(range),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_data_and_the_function_around_it_is_found() {
        let mut modules = Modules::new();
        modules.refresh();
        let here = code_is_told_from_data_and_the_function_around_it_is_found as fn() as usize as u64;
        assert!(modules.is_code(here) && !modules.is_code(&raw const modules as u64));
        assert_eq!(modules.function(here), None);
        modules.load(here);
        assert_eq!(modules.function(here + 3), Some(here));
        let in_libc = libc::read as *const () as usize as u64;
        assert!(modules.name(in_libc).unwrap().contains("libc"));
        // Nothing came or went: what was copied stays.
        modules.refresh();
        assert!(modules.function(here).is_some());
    }
}
