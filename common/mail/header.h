// Splits a header block into fields, and edits it without copying the body.
//
// A header is a run of fields up to an empty line or the end of the text; lines end in CRLF or LF,
// also mixed. Continuation lines of a field begin with a blank. A line that is neither (no colon,
// or octets that are not allowed in a name) is kept as a field without a name, as in Dovecot, so
// that one bad line does not hide the rest.
//
// STANDARDS  RFC 5322 section 2.2, RFC 6532 (UTF-8 in field bodies)
// SEE ALSO   mime.h (the tree below the header), fixups.h (what submission adds)
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pennypost {

constexpr std::size_t fold_line_bytes = 78;         // RFC 5322 section 2.1.1: SHOULD
constexpr std::size_t header_line_bytes_max = 998;  // RFC 5322 section 2.1.1: MUST

/// One field of a header; views into the text that was scanned.
struct HeaderField {
  std::string_view name;   // without blanks and colon; empty if the line is not a field
  std::string_view body;   // after the colon, without the last line end; may be folded
  std::string_view whole;  // all its lines with their line ends

  bool is(std::string_view other) const;
  /// The body unfolded, without blanks at both ends.
  std::string value() const;
};

/// The fields of the header at the front of `text`: `for (const auto& field :
/// HeaderFields(message))`.
class HeaderFields {
 public:
  explicit HeaderFields(std::string_view text) : text_(text) {}

  class Iterator {
   public:
    using value_type = HeaderField;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = const HeaderField*;
    using reference = const HeaderField&;

    const HeaderField& operator*() const { return field_; }
    const HeaderField* operator->() const { return &field_; }
    Iterator& operator++() {
      next();
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return done_; }

   private:
    friend class HeaderFields;
    explicit Iterator(std::string_view rest) : rest_(rest) { next(); }
    void next();
    std::string_view rest_;
    HeaderField field_;
    bool done_ = false;
  };
  Iterator begin() const { return Iterator(text_); }
  std::default_sentinel_t end() const { return {}; }

  /// The first field of that name, ignoring case.
  std::optional<HeaderField> find(std::string_view name) const;
  std::vector<HeaderField> find_all(std::string_view name) const;
  bool has(std::string_view name) const { return find(name).has_value(); }
  /// value() of the first field of that name.
  std::optional<std::string> value(std::string_view name) const;

 private:
  std::string_view text_;
};

/// The size of the header of `message`, with the empty line that ends it; the whole size if there
/// is none.
std::size_t header_bytes(std::string_view message);

/// RFC 5322 section 3.6.8: printable US-ASCII except the colon.
bool is_field_name(std::string_view name);
/// Whether a line can begin a field: a name, blanks (obsolete, section 4.5.8), a colon.
bool is_field_line(std::string_view line);

/// RFC 5322 section 2.2.3: removes the line ends; the blanks after them stay.
std::string unfold(std::string_view body);

/// `Name: body` with its line end, folded before blanks so that lines have at most 78 octets if
/// possible, and never more than 998: a longer run without blanks is split with a fold. Line ends
/// within `body` count as folds, a run of more than 60 blanks as one.
std::string make_field(std::string_view name, std::string_view body,
                       std::string_view line_end = "\r\n");

/// One change to a text: `insert` replaces `erase` octets at `offset`.
struct Edit {
  std::size_t offset = 0;
  std::size_t erase = 0;
  std::string insert;
};

/// A field's new name, or nothing to remove it.
struct FieldChange {
  std::string name;
  std::optional<std::string> new_name;
};

/// Edits that rename or remove every field named in `changes` in the header at the front of `text`;
/// in order of offset.
std::vector<Edit> change_fields(std::string_view text, const std::vector<FieldChange>& changes);

/// For `sendmail -t`: removes Bcc and Resent-Bcc (RFC 5322 section 3.6.3).
const std::vector<FieldChange>& blind_copy_fields();

/// The pieces whose concatenation is `text` with `edits`, which must be in order of offset and not
/// overlap; views into both.
std::vector<std::string_view> edited_pieces(std::string_view text, const std::vector<Edit>& edits);
/// The same, joined.
std::string edited(std::string_view text, const std::vector<Edit>& edits);

/// The edits that do `first` and then `second`, whose offsets are into the result of `first`:
/// edited(text, composed(a, b)) equals edited(edited(text, a), b). All three are in order of
/// offset.
std::vector<Edit> composed(const std::vector<Edit>& first, const std::vector<Edit>& second);

}  // namespace pennypost
