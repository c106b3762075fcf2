// Finds the headers of MIME parts and the lines of their bodies in a message while it arrives.
//
// Boundaries end whatever part they are in, also a header; the longest that fits a line wins, of
// equals the inner. What stands in an attached message (message/rfc822, message/global) is found as
// well. Nothing is decoded. Only what is shown is kept: what nobody wants to see of a body costs a
// search for line ends and boundaries, and that only inside a multipart.
//
// LIMITS  mime_nesting_max multiparts within each other, mime_scan_header_bytes_max of one header,
//         mime_scan_line_bytes_max of a line that has not ended
// STANDARDS  RFC 2046 section 5
// SEE ALSO   mime.h (the tree of a whole message)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pennypost {

/// A longer header of a part is cut there; the rest counts as body.
inline constexpr std::size_t mime_scan_header_bytes_max = 256 * 1024;
/// A longer line is shown in pieces.
inline constexpr std::size_t mime_scan_line_bytes_max = 64 * 1024;

/// A stretch of a message, with LF line ends.
struct MimeBlock {
  enum class Kind : std::uint8_t {
    Header,        // the message's own fields
    PartHeader,    // fields of a part
    NestedHeader,  // fields of an attached message
    Body           // lines that are no fields
  };
  friend constexpr Kind wire_last(Kind) { return Kind::Body; }
  Kind kind = Kind::Body;
  std::uint64_t offset = 0;  // in the content
  std::string text;

  template <class Archive>
  void fields(Archive& archive) {
    archive(kind, offset, text);
  }
};

class MimeScanner {
 public:
  /// `header`: the message's own fields. `offset`: of what is fed first, in the content. Of each
  /// part's body the first `body_bytes_max` octets are shown, to the end of their last line.
  MimeScanner(std::string_view header, std::uint64_t offset, std::uint64_t body_bytes_max);

  /// What follows the header, with LF line ends; pieces may end anywhere.
  void feed(std::string_view piece);
  /// Nothing follows.
  void finish();

  /// How many octets take() would give.
  std::size_t gathered() const { return gathered_; }
  /// What was found since the last call, in order.
  std::vector<MimeBlock> take();

 private:
  enum class State { Body, PartHeader, NestedHeader };
  struct Multipart {
    std::string boundary;
    bool is_digest = false;
  };
  bool is_blind() const;
  void line(std::string_view text);
  bool meets_boundary(std::string_view text);
  bool takes_header_line(std::string_view text, std::uint64_t at, bool is_start);
  void end_header();
  void enter(std::string_view header, bool is_of_digest);
  void show(MimeBlock::Kind kind, std::uint64_t at, std::string_view text);

  std::uint64_t offset_;
  std::uint64_t body_bytes_max_;
  State state_ = State::Body;
  std::vector<Multipart> multiparts_;
  bool is_of_digest_ = false;  // the header that is being read
  std::string header_;
  std::uint64_t header_offset_ = 0;
  std::uint64_t body_bytes_ = 0;  // of the part so far
  std::string partial_;           // a line that has not ended
  bool is_inside_line_ = false;
  std::vector<MimeBlock> blocks_;
  std::size_t gathered_ = 0;
};

/// Whether a field says how a message or part is coded: MIME-Version, Content-Type,
/// Content-Transfer-Encoding, Content-ID, Content-Description or Content-Disposition.
bool is_mime_field(std::string_view name);

}  // namespace pennypost
