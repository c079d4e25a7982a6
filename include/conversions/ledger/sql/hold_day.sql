-- The day waits for a person: nothing new of it is sent. What is held for another reason keeps that reason.
UPDATE candidates SET held_reason = 'drift_not_approved' WHERE held_reason = ''
