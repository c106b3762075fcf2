// Finds what has changed in a mailbox since a mod-sequence that a client remembers.
//
// STANDARDS  RFC 7162 sections 3.1.4.1, 3.2.5 and 3.2.6
// SEE ALSO   store/index/history.h (which expunges are remembered)
#pragma once

#include <vector>

#include "imapd/grammar/modseq.h"
#include "imapd/grammar/sequence_set.h"
#include "imapd/session/selected.h"

namespace pennypost::imap {

/// Those of `numbers`, which are message numbers, whose messages have a mod-sequence above `since`.
std::vector<NumberRange> changed_since(Selected& selected, const std::vector<NumberRange>& numbers,
                                       store::ModSeq since);

/// The UIDs among `known` that were expunged after `since` and are not in the client's view. If
/// that is longer ago than is remembered: all that are not in the view.
std::vector<NumberRange> vanished_since(Selected& selected, const std::vector<NumberRange>& known,
                                        store::ModSeq since);

/// All lines that a client needs who remembers `resync`: VANISHED (EARLIER), and FETCH with UID,
/// FLAGS and MODSEQ. None if the UIDVALIDITY is another.
std::string resync_lines(Selected& selected, const Resync& resync);

}  // namespace pennypost::imap
