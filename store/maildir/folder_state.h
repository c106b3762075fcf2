// Holds the messages of one Maildir folder and the names of their files, in little memory.
//
// All sessions of a process share one state, so nobody may change a state that somebody else holds
// (SharedFolder copies it first). A message costs 32 bytes and its base name; the part of the name
// after the colon is derived from the flags, unless it has other letters.
//
// SEE ALSO   shared_folder.h (who has one), folder_snapshot.h (the form in the index)
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/mailbox/mailbox.h"

namespace pennypost::store {

class FolderState {
 public:
  std::vector<Message>
      messages;  ///< ascending by UID; only add(), erase() and flag changes modify it
  std::vector<std::string> keywords;
  ModSeq highest{1};
  std::uint32_t uid_validity = 0;
  Uid uid_next{1};
  Uid last_uid{0};              ///< the greatest ever in `messages`
  std::uint32_t annotated = 0;  ///< how often the annotations were seen to have changed

  std::optional<std::size_t> index_of(Uid uid) const;
  std::string name(std::size_t index) const;
  std::string_view base(std::size_t index) const;
  bool in_new(std::size_t index) const { return files_[index].in_new; }
  /// The path below the folder: "cur/NAME".
  std::string path(std::size_t index) const;
  /// Octets with CRLF line ends, as noted or else from the name; nothing if neither is known.
  std::optional<std::uint64_t> octets(std::size_t index) const;
  /// The octets noted, or 0.
  std::uint32_t noted_octets(std::size_t index) const {
    return octets_.empty() ? 0 : octets_[index];
  }
  void note_octets(std::size_t index, std::uint64_t octets);

  void reserve(std::size_t messages_count, std::size_t names_bytes);
  /// `message` has the greatest UID; its flags are those of the name.
  void add(const Message& message, std::string_view filename, bool in_new,
           std::uint32_t octets = 0);
  /// Gives the file another name with the same base; call it after setting the flags of
  /// messages[index].
  void rename(std::size_t index, std::string_view filename, bool in_new);
  /// Removes these messages; ascending.
  void erase(std::span<const Uid> gone);

  /// Whether everything is the same, including the whole names, but not the octets.
  bool is_same(const FolderState& other) const;
  /// The approximate memory in bytes.
  std::size_t bytes() const;

 private:
  friend struct FolderSnapshot;
  // What follows the base name.
  enum class Info : std::uint8_t {
    None,   // nothing
    Flags,  // ":2," and the letters of the message's flags
    Own,    // what follows the base name in names_
  };
  struct File {
    std::uint32_t at = 0;  // of the base name in names_
    std::uint8_t base_bytes = 0;
    std::uint8_t info_bytes = 0;
    Info info = Info::None;
    bool in_new = false;
  };
  void put_name(File& file, const Message& message, std::string_view filename);
  void compact();

  std::vector<File> files_;  // parallel to messages
  std::vector<std::uint32_t>
      octets_;  // parallel to messages, or empty if none is noted; 0: not noted
  std::string names_;
  std::size_t names_unused_ = 0;  // bytes of names_ that no file uses
};

/// The changes from `from` to `to`, for a session that has seen `from`.
Changes difference(const FolderState& from, const FolderState& to);

/// Adds the later changes `next` to `first`; a message that was both added and removed is in no
/// list.
void follow(Changes& first, Changes next);

}  // namespace pennypost::store
