// Carries out changes to the messages of an mbox: new fields, and removals.
//
// Fields change in place as long as they fit into their padding. Messages at the end are removed by
// truncating the file. Everything else rewrites the file from the first affected message on,
// through a journal; if there is no space for that, messages can still be removed in place.
//
// SEE ALSO   folder.h (the caller), format.h (the fields), journal.h, gap.h
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/mbox/disk.h"
#include "store/mbox/layout.h"
#include "store/mbox/scan.h"

namespace pennypost::store {

/// The intended state of one message in the file.
struct MboxPlan {
  MboxMeta meta;
  bool changed = false;
  bool drop = false;
};

class MboxWriter {
 public:
  /// The mbox of `name` is open and locked; `entries` are its messages as they are in the file.
  /// `base` goes into the first message that is kept. All must outlive the writer.
  MboxWriter(const MboxLayout& layout, const MailboxName& name, int descriptor,
             const std::vector<MboxEntry>& entries, const MboxBase& base)
      : layout_(layout),
        name_(name),
        path_(layout.file(name)),
        descriptor_(descriptor),
        entries_(entries),
        base_(base) {}

  /// About how many octets of space a rewrite for these plans needs; 0: none.
  Result<std::uint64_t> room_wanted(const std::vector<MboxPlan>& plans) const;
  /// Carries out `plans`, one for each entry. If there is no space for a rewrite, nothing has
  /// changed.
  Result<void> write(const std::vector<MboxPlan>& plans) const;
  /// Writes the changed fields of those messages that have space for them; X-IMAPbase stays as it
  /// is.
  Result<void> write_what_fits(const std::vector<MboxPlan>& plans) const;
  /// Removes the dropped messages without needing space. The others' fields are written as far as
  /// the removed messages make space for them. On error some may be gone: read the file again.
  Result<void> remove_in_place(const std::vector<MboxPlan>& plans) const;

 private:
  using Plans = std::vector<MboxPlan>;

  // Fields to be written over the existing ones.
  struct Patch {
    bool fits = true;  // false: one is missing, or too short
    std::vector<std::pair<std::uint64_t, std::string>> writes;
  };
  Result<Patch> patch(const MboxEntry& entry, const MboxMeta& meta, const MboxBase* base) const;
  Result<void> apply(const Patch& patch) const;

  struct Work {
    std::vector<Patch> patches;  // of the messages before
    std::size_t rewrite_from = 0;
  };
  Result<Work> work(const Plans& plans) const;
  std::uint64_t octets_of_rewrite(const Plans& plans, std::size_t first) const;

  static std::size_t first_kept(const Plans& plans);
  static std::size_t end_of_kept(const Plans& plans);
  Result<void> cut_at(const MboxEntry& entry) const;
  Result<void> rewrite(const Plans& plans, std::size_t first,
                       const std::vector<Patch>& patches) const;
  Result<void> fill(MboxJournal& journal, const Plans& plans, std::size_t first) const;
  Result<std::string> header(const MboxEntry& entry, const MboxMeta& meta,
                             const MboxBase* base) const;
  Result<void> move_gap(MboxGap& gap, const Plans& plans, std::size_t first_dropped,
                        const std::vector<bool>& unfit) const;

  const MboxLayout& layout_;
  const MailboxName& name_;
  std::string path_;
  int descriptor_;
  const std::vector<MboxEntry>& entries_;
  const MboxBase& base_;
};

}  // namespace pennypost::store
